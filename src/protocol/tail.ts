import { AppError, toAppError } from '../errors/app-error.ts';
import { makeCompactRange, type CompactRange } from '../ledger/compact-range.ts';
import { leafHash } from '../ledger/leaf-hash.ts';
import type { LogPosition } from '../ledger/record.ts';
import type { Logger } from '../observe/log.ts';
import { orAborted } from './or-aborted.ts';
import type { EvidenceVerifier, LogReader } from './ports.ts';

/** Follows a tile log from its first leaf, so that nothing of ours can be in it, or leave it, unseen. */
export interface Tail {
  /**
   * Resolves once the log's head, as it was at this call, was reached and verified. While the log cannot be reached, a
   * tail that has caught up once goes on with what it has. Throws as `follow`.
   */
  ready(signal: AbortSignal): Promise<void>;
  /** Reads on to the newest checkpoint. Throws LOG_UNAVAILABLE; LOG_FORKED for ever once the log has lied. */
  follow(signal: AbortSignal): Promise<void>;
  /** How far it has read and verified. */
  position(): LogPosition;
  /** Index of the leaf of ours with this hash (hex), if the log holds it below the position. */
  indexOf(leafHash: string): number | undefined;
}

export interface TailParts {
  readonly reader: LogReader;
  readonly verifier: EvidenceVerifier;
  readonly logger: Logger;
  readonly origin: string;
  /** Ends all reading when the program stops. */
  readonly lifetime: AbortSignal;
}

export function makeTail({ reader, verifier, logger, origin, lifetime }: TailParts): Tail {
  let range = makeCompactRange();
  let fork: AppError | undefined;
  let following: Promise<void> | undefined;
  let caughtUp = false;
  const own = new Map<string, number>();

  async function readOn(): Promise<void> {
    const head = await reader.checkpoint(lifetime);
    if (head.treeSize < range.size)
      throw forked(`its tree shrank from ${range.size} to ${head.treeSize} leaves`);
    // work on a copy: a batch that does not lead to the signed root must leave no trace
    const next = makeCompactRange(range.state());
    const found: [string, number][] = [];
    for await (const batch of reader.leaves(range.size, head.treeSize, lifetime)) {
      for (const body of batch.entries) found.push(...readLeaf(body, next));
    }
    if (next.size !== head.treeSize || !Buffer.from(head.rootHash).equals(next.root())) {
      throw forked(`its leaves do not give the root of its checkpoint of size ${head.treeSize}`);
    }
    range = next;
    for (const [hash, index] of found) if (!own.has(hash)) own.set(hash, index);
    caughtUp = true;
  }

  function readLeaf(body: Uint8Array, next: CompactRange): [string, number][] {
    const index = next.size;
    const hash = leafHash(body);
    next.append(hash);
    // no signature is checked here: who looks a leaf up by its hash knows the whole entry, signature and all
    return verifier.carriesOurKey(body) ? [[Buffer.from(hash).toString('hex'), index]] : [];
  }

  function forked(why: string): AppError {
    fork = new AppError({
      code: 'LOG_FORKED',
      message: `the log ${origin} is not append-only: ${why}; no new tag is recorded until someone has looked into it`,
    });
    logger.error('log.forked', { origin, treeSize: range.size }, fork.message);
    return fork;
  }

  async function follow(signal: AbortSignal): Promise<void> {
    if (fork !== undefined) throw fork;
    following ??= readOn().finally(() => {
      following = undefined;
    });
    await orAborted(following, signal, `reading the log ${origin}`);
  }

  return {
    follow,
    async ready(signal) {
      try {
        await follow(signal);
      } catch (error) {
        // a reservation is still worth having then: it waits for the log, and the rule decides what it admits
        if (!caughtUp || toAppError(error).code !== 'LOG_UNAVAILABLE') throw error;
      }
    },
    position: () => ({ origin, treeSize: range.size }),
    indexOf: (hash) => own.get(hash),
  };
}
