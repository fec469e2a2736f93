import { AppError, toAppError } from '../errors/app-error.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { makeCompactRange, type CompactRangeState } from '../ledger/compact-range.ts';
import { leafHash, sameHash } from '../ledger/leaf-hash.ts';
import type { LogPosition } from '../ledger/record.ts';
import type { Logger } from '../observe/log.ts';
import { orAborted } from './or-aborted.ts';
import { makeOwnLeaves, type OwnLeaf, type OwnLeaves } from './own-leaves.ts';
import type { EvidenceVerifier, LeafBatch, LogReader } from './ports.ts';
import { setBack, type TailFloor } from './tail-floor.ts';
import { makeTailMeter, type TailWatch } from './tail-meter.ts';

/** Follows a tile log from its first leaf, so that nothing of ours can be in it, or leave it, unseen. */
export interface Tail {
  readonly origin: string;
  /**
   * Resolves once the log's head, as it was at this call, was reached and verified. While the log cannot be reached, a
   * tail that has caught up once goes on with what it has. Throws as `follow`.
   */
  ready(signal: AbortSignal): Promise<void>;
  /**
   * Reads on to the newest checkpoint; where another process does that for all, takes over what it has saved. Throws
   * LOG_UNAVAILABLE, LOG_PROOF_INVALID, STORE_UNAVAILABLE; LOG_FORKED for ever once the log has lied, and as long as it
   * shows less than it has proven records with.
   */
  follow(signal: AbortSignal): Promise<void>;
  /** How far it has read and verified. */
  position(): LogPosition;
  /** The checkpoint that proves the position; absent before the first. */
  checkpoint(): Checkpoint | undefined;
  /** All leaves below the position that may be ours. */
  own(): OwnBelow;
  /** Why the log is trusted no more. */
  fork(): AppError | undefined;
  /** What a snapshot keeps; whole at any time. */
  state(): TailState;
}

/** Leaves that may be ours, below a position. */
export interface OwnBelow {
  readonly count: number;
  at(ordinal: number): OwnLeaf | undefined;
  /** Those over the statement of this digest (hex SHA-256), in log order. */
  over(statementDigest: string): readonly OwnLeaf[];
  standingAt(index: number): OwnLeaf | undefined;
}

/** Everything that a tail knows: what a signed root covers, and what was read beyond it. */
export interface TailState {
  readonly verified: VerifiedRange;
  /** Not below `verified`. */
  readonly read: CompactRangeState;
  readonly own: OwnLeaves;
}

export interface VerifiedRange {
  readonly range: CompactRangeState;
  /** Has the range's root; absent for no leaves at all. */
  readonly checkpoint?: Checkpoint;
  /** How many of the own leaves it covers. */
  readonly leaves: number;
}

/** What the processes that follow one log share. Throws STORE_UNAVAILABLE, and LOG_FORKED for a proven split view. */
export interface SharedProgress {
  /** Whether it is up to this process to follow the log for all. */
  leads(): boolean;
  /** What was saved, if it goes further than what is known here. */
  load(known: TailState, signal: AbortSignal): Promise<TailState | undefined>;
  /** Told of all progress; decides whether it is time to save it. */
  save(state: TailState, signal: AbortSignal): Promise<void>;
}

export interface TailParts {
  readonly reader: Pick<LogReader, 'checkpoint' | 'leaves'>;
  readonly verifier: Pick<EvidenceVerifier, 'candidate'>;
  readonly logger: Logger;
  readonly origin: string;
  /** Ends all reading when the program stops. */
  readonly lifetime: AbortSignal;
  /** What a checkpoint must have beside the log's signature, such as cosignatures; throws LOG_PROOF_INVALID. */
  readonly accept?: (checkpoint: Checkpoint) => void;
  /** Without it each process reads all, from the first leaf. */
  readonly shared?: SharedProgress;
  /** What the log has proven records with. */
  readonly floor?: Pick<TailFloor, 'load' | 'newest'>;
  readonly watch?: TailWatch;
}

/** A gap that is read as fast as a snapshot is loaded. */
const SMALL_GAP = 2_560;

export function makeTail(parts: TailParts): Tail {
  const { reader, verifier, logger, origin, lifetime, shared, floor } = parts;
  let own = makeOwnLeaves();
  let range = makeCompactRange();
  let verified: VerifiedRange = { range: range.state(), leaves: 0 };
  let fork: AppError | undefined;
  let behind: AppError | undefined;
  // the leaves read so far do not give the tree that has proven records
  let isOffFloor = false;
  let following: Promise<void> | undefined;
  let isAsking = false;
  let isResumed = shared === undefined;
  let hasCaughtUp = false;
  const meter = makeTailMeter(parts.watch);

  async function readOn(): Promise<void> {
    isAsking = true;
    if (!isResumed) await takeOver();
    // asked for before the head: what is proven meanwhile may be newer than that
    const least = hasCaughtUp ? undefined : await floor?.load(lifetime);
    let head = await newestHead();
    // the other process may have seen a newer head than this one: ask again, or the log would seem to shrink
    if (head.treeSize - range.size > SMALL_GAP && (await takeOver())) head = await newestHead();
    isAsking = false;
    refuseSmaller(head, least);
    await verifyTo(head);
    if (isOffFloor) throw forked('it has proven records with a tree that its leaves do not give');
    verified = { range: range.state(), checkpoint: head, leaves: own.count };
    hasCaughtUp = true;
    tell(head);
    await shared?.save(state(), lifetime).catch(splitView);
  }

  function refuseSmaller(head: Checkpoint, least: Checkpoint | undefined): void {
    if (head.treeSize < range.size)
      throw forked(`its tree shrank from ${range.size} to ${head.treeSize} leaves`);
    if (least !== undefined && head.treeSize < least.treeSize) throw stale(head, least);
    behind = undefined;
  }

  async function newestHead(): Promise<Checkpoint> {
    const head = await reader.checkpoint(lifetime);
    parts.accept?.(head);
    return head;
  }

  async function verifyTo(head: Checkpoint): Promise<void> {
    const isContinued = range.size > verified.range.size;
    if (await reaches(head)) return;
    backToVerified();
    // what an earlier, broken-off reading left behind is no proof against the log: once more without it
    if (isContinued && (await reaches(head))) return;
    backToVerified();
    throw forked(`its leaves do not give the root of its checkpoint of size ${head.treeSize}`);
  }

  /** Reads the leaves up to the head; whether they give its root. */
  async function reaches(head: Checkpoint): Promise<boolean> {
    tell(head);
    meter.started();
    holdToFloor();
    for await (const batch of reader.leaves(range.size, head.treeSize, lifetime)) {
      readBatch(batch);
      tell(head);
      // what another process would take over is behind the floor, and never held against it
      if (!isOffFloor) await shared?.save(state(), lifetime).catch(splitView);
    }
    return range.size === head.treeSize && sameHash(head.rootHash, range.root());
  }

  function readBatch({ entries }: LeafBatch): void {
    for (const body of entries) {
      const hash = leafHash(body);
      // no signature is checked here: a log is mostly other people's entries
      const statementDigest = verifier.candidate(body);
      if (statementDigest !== undefined) own.add({ index: range.size, statementDigest, leafHash: hash });
      range.append(hash);
      holdToFloor();
    }
    meter.read(entries.length);
  }

  function holdToFloor(): void {
    const least = floor?.newest();
    if (range.size === least?.treeSize && !sameHash(range.root(), least.rootHash)) isOffFloor = true;
  }

  /** Not for ever: a cache on the way may have kept an old head. */
  function stale(head: Checkpoint, least: Checkpoint): AppError {
    const error = setBack(head, least);
    if (behind === undefined) logger.error('log.forked', { origin, treeSize: head.treeSize }, error.message);
    behind = error;
    return error;
  }

  function backToVerified(): void {
    isOffFloor = false;
    range = makeCompactRange(verified.range);
    own.truncate(verified.leaves);
  }

  /** Goes on from what another process, or an earlier one, has read. */
  async function takeOver(): Promise<boolean> {
    const saved = await shared?.load(state(), lifetime).catch(splitView);
    isResumed = true;
    if (saved === undefined) return false;
    ({ own, verified } = saved);
    range = makeCompactRange(saved.read);
    isOffFloor = false;
    if (verified.checkpoint !== undefined) tell(verified.checkpoint);
    return true;
  }

  /** Another process was shown another tree. */
  function splitView(error: unknown): never {
    throw toAppError(error).code === 'LOG_FORKED' ? forked(toAppError(error).message) : error;
  }

  function state(): TailState {
    return { verified, read: range.state(), own };
  }

  function forked(why: string): AppError {
    fork = new AppError({
      code: 'LOG_FORKED',
      message: `the log ${origin} is not append-only: ${why}; no new tag is recorded until someone has looked into it`,
    });
    logger.error('log.forked', { origin, treeSize: verified.range.size }, fork.message);
    return fork;
  }

  function tell({ treeSize }: Checkpoint): void {
    meter.tell({ origin, treeSize, position: verified.range.size, ownLeaves: verified.leaves });
  }

  async function once(work: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    if (fork !== undefined) throw fork;
    following ??= work().then(
      () => void (following = undefined),
      (error: unknown) => {
        following = undefined;
        throw error;
      },
    );
    await orAborted(following, signal, `reading the log ${origin}`);
  }

  return {
    origin,
    follow: (signal) => once(shared === undefined || shared.leads() ? readOn : takeOver, signal),
    async ready(signal) {
      // a reading that has its head already may end before the log's end as it is now
      while (following !== undefined && !isAsking) await settled(following, signal);
      try {
        await once(readOn, signal);
      } catch (error) {
        // a reservation is still worth having then: it waits for the log, and the rule decides what it admits
        if (!hasCaughtUp || toAppError(error).code !== 'LOG_UNAVAILABLE') throw error;
      }
    },
    position: () => ({ origin, treeSize: verified.range.size }),
    checkpoint: () => verified.checkpoint,
    own: () => below(own, verified),
    fork: () => fork ?? behind,
    state,
  };

  async function settled(work: Promise<void>, signal: AbortSignal): Promise<void> {
    const ended = work.catch(() => undefined);
    await orAborted(ended, signal, `reading the log ${origin}`);
  }
}

function below(own: OwnLeaves, { leaves }: VerifiedRange): OwnBelow {
  const isBelow = (ordinal: number): boolean => ordinal < leaves;
  return {
    count: leaves,
    at: (ordinal) => (isBelow(ordinal) ? own.at(ordinal) : undefined),
    over: (digest) =>
      own
        .ordinals(digest)
        .filter(isBelow)
        .flatMap((ordinal) => own.at(ordinal) ?? []),
    standingAt(index) {
      const ordinal = own.ordinalAt(index);
      return ordinal !== undefined && isBelow(ordinal) ? own.at(ordinal) : undefined;
    },
  };
}
