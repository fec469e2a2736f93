import { AppError } from '../errors/app-error.ts';
import { leafHash } from '../ledger/leaf-hash.ts';
import { statementDigest } from '../ledger/statement.ts';
import type { OwnLeaf } from './own-leaves.ts';
import type { EvidenceVerifier, LogHistory, LogReader } from './ports.ts';
import type { TailFloor } from './tail-floor.ts';
import type { Tail } from './tail.ts';

export interface TileHistoryParts {
  readonly tail: Tail;
  readonly reader: Pick<LogReader, 'leaves' | 'bundleAt'>;
  readonly verifier: Pick<EvidenceVerifier, 'own'>;
  /** Absent where nothing is kept from one process to the next. */
  readonly floor?: Pick<TailFloor, 'raise'> | undefined;
}

/** A history that costs no I/O where the log has nothing of ours. */
export type TileHistory = LogHistory & Required<Pick<LogHistory, 'knows'>>;

/** The history of a log that is followed leaf by leaf: exact, since nothing of ours can be in it unseen. */
export function makeTileHistory({ tail, reader, verifier, floor }: TileHistoryParts): TileHistory {
  const bodies = makeLeafBodies(reader, tail);
  return {
    ready: (signal) => tail.ready(signal),
    position: () => tail.position(),
    knows: (digest) => tail.own().over(digest).length > 0,
    ...(floor && { holdTo: (note, signal) => floor.raise(note, signal) }),
    async earliest(statement, signal) {
      for (const leaf of tail.own().over(statementDigest(statement))) {
        const signed = await verifier.own(statement, await bodies.read(leaf, signal));
        if (signed !== undefined) return { index: leaf.index, signed, origin: tail.origin };
      }
      return undefined;
    },
    bundleOf: ({ index, signed }, signal) => reader.bundleAt(index, signed, signal),
  };
}

export interface LeafBodies {
  /** The very body whose hash went into the verified root. Throws LOG_PROOF_INVALID for another, LOG_*. */
  read(leaf: OwnLeaf, signal: AbortSignal): Promise<Uint8Array>;
}

/** Leaves come in bundles of this many. */
const WINDOW = 256;
/** Claim and binding of a tag stand side by side, and a restore goes through the log in order. */
const MAX_KEPT = 1_024;

/** Reads leaves again that the tail has passed, a bundle at a time. */
export function makeLeafBodies(
  reader: Pick<LogReader, 'leaves'>,
  tail: Pick<Tail, 'own' | 'position' | 'origin'>,
): LeafBodies {
  const kept = new Map<number, Uint8Array>();

  async function readAround(wanted: number, signal: AbortSignal): Promise<void> {
    const from = wanted - (wanted % WINDOW);
    const to = Math.min(from + WINDOW, tail.position().treeSize);
    const own = tail.own();
    for await (const { start, entries } of reader.leaves(from, to, signal)) {
      for (const [i, body] of entries.entries()) {
        const leaf = own.standingAt(start + i);
        // a copy: the body is a part of the whole bundle's bytes
        if (leaf !== undefined && isBody(body, leaf)) kept.set(leaf.index, Buffer.from(body));
      }
    }
    for (const index of kept.keys()) {
      if (kept.size <= MAX_KEPT) break;
      kept.delete(index);
    }
  }

  return {
    async read(leaf, signal) {
      if (!kept.has(leaf.index)) await readAround(leaf.index, signal);
      const body = kept.get(leaf.index);
      if (body !== undefined) return body;
      throw new AppError({
        code: 'LOG_PROOF_INVALID',
        message:
          `cannot accept leaf ${leaf.index} of the log ${tail.origin}: it is not the one that stood there before; ` +
          `find out what stands between here and the log`,
      });
    },
  };
}

function isBody(body: Uint8Array, leaf: OwnLeaf): boolean {
  return Buffer.from(leafHash(body)).toString('hex') === leaf.leafHash;
}
