import { type AppError, toAppError } from '../errors/app-error.ts';
import { makeLeafBodies } from './tile-history.ts';
import { readLogEnd } from './log-end.ts';
import { makeOwnLeaves, type OwnLeaf } from './own-leaves.ts';
import type { LeafVerifier, LogReader, StateStore } from './ports.ts';
import { makeTail, type SharedProgress, type Tail, type TailParts } from './tail.ts';
import type { TailSnapshots } from './tail-snapshot.ts';

export interface MonitorParts extends Omit<TailParts, 'reader' | 'shared' | 'lifetime'> {
  readonly reader: Pick<LogReader, 'checkpoint' | 'leaves' | 'lastPath'>;
  /** Knows whose entries are told. */
  readonly leaves: LeafVerifier;
  /** Where it goes on the next time; without it nothing is kept. */
  readonly kept?: {
    readonly snapshots: TailSnapshots;
    readonly state: StateStore;
    /** Of the document that says how far entries were told. */
    readonly name: string;
  };
  /** Read from the first leaf; else from where it was kept, else from the log's end as it is now. */
  readonly fromStart: boolean;
  /** End at the log's end; an outage is then an error. */
  readonly once: boolean;
  /** Milliseconds between two looks at the log's end. */
  readonly intervalMs: number;
  /** Resolves early, and never throws, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Told in the order of the log; only what a verified checkpoint covers. */
export type Monitored =
  /** An entry with a valid signature of the watched signer; `earlier`: an earlier run has told it. */
  | {
      readonly kind: 'entry';
      readonly index: number;
      readonly uuid: string;
      readonly statementDigest: string;
      readonly earlier?: boolean;
    }
  /** All below `treeSize` hashes to the signed root (hex), and everything before it in the log was continued. */
  | {
      readonly kind: 'checkpoint';
      readonly origin: string;
      readonly treeSize: number;
      readonly rootHash: string;
    }
  /** The log cannot be reached, and is tried again. */
  | { readonly kind: 'waiting'; readonly code: string; readonly message: string };

/** Leaves between two saves while reading. */
const SAVE_LEAVES = 50_000;

/**
 * Watches a log for the entries of one signer, without store and signing key: an outsider's tail. Ends with `once` at the
 * log's end, else at `signal`. Throws LOG_FORKED, LOG_PROOF_INVALID, LOG_ENTRY_INVALID, STORE_UNAVAILABLE, and with
 * `once` LOG_UNAVAILABLE.
 */
export async function* monitor(parts: MonitorParts, signal: AbortSignal): AsyncGenerator<Monitored> {
  const { kept, once, intervalMs, sleep } = parts;
  const tail = makeTail({ ...parts, lifetime: signal, shared: progressOf(parts) });
  const toldBefore = parts.fromStart ? 0 : await readTold(kept, signal);
  const teller = makeTeller(parts, tail, toldBefore);
  const isStopped = (): boolean => signal.aborted;
  try {
    while (!isStopped()) {
      const outage = await followOnce(tail, signal);
      if (isStopped()) return;
      if (outage === undefined) {
        yield* teller.news(signal);
        await writeTold(kept, tail.position().treeSize, signal);
      } else if (once) throw outage;
      else yield { kind: 'waiting', code: outage.code, message: outage.message };
      if (once) return;
      await sleep(intervalMs, signal);
    }
  } finally {
    if (tail.fork() === undefined) await kept?.snapshots.save(tail.state(), new AbortController().signal);
  }
}

/** An outage, or nothing. */
async function followOnce(tail: Tail, signal: AbortSignal): Promise<AppError | undefined> {
  try {
    await tail.follow(signal);
    return undefined;
  } catch (error) {
    const failure = toAppError(error);
    if (signal.aborted || failure.code === 'LOG_UNAVAILABLE' || failure.code === 'DEADLINE_EXCEEDED')
      return failure;
    throw error;
  }
}

/** A tail that leads for itself, goes on from what was kept and starts elsewhere where it must. */
function progressOf({ kept, fromStart, reader }: MonitorParts): SharedProgress {
  let savedSize = 0;
  return {
    leads: () => true,
    async load(known, signal) {
      if (fromStart || known.read.size > 0) return undefined;
      const saved = await kept?.snapshots.load(known, signal);
      if (saved !== undefined) return saved;
      const verified = await readLogEnd(reader, signal);
      return { verified, read: verified.range, own: makeOwnLeaves() };
    },
    async save(state, signal) {
      if (kept === undefined || state.read.size - savedSize < SAVE_LEAVES) return;
      savedSize = state.read.size;
      await kept.snapshots.save(state, signal);
    },
  };
}

function makeTeller({ reader, leaves }: MonitorParts, tail: Tail, toldBefore: number) {
  const bodies = makeLeafBodies(reader, tail);
  let ordinal = 0;
  let treeSize = -1;

  async function entryOf(leaf: OwnLeaf, signal: AbortSignal): Promise<Monitored | undefined> {
    if ((await leaves.ownLeaf(await bodies.read(leaf, signal))) === undefined) return undefined;
    const { index, leafHash: uuid, statementDigest } = leaf;
    return { kind: 'entry', index, uuid, statementDigest, ...(index < toldBefore && { earlier: true }) };
  }

  return {
    /** What is new since the last call. */
    async *news(signal: AbortSignal): AsyncGenerator<Monitored> {
      const own = tail.own();
      const checkpoint = tail.checkpoint();
      for (; ordinal < own.count; ordinal += 1) {
        const leaf = own.at(ordinal);
        const entry = leaf && (await entryOf(leaf, signal));
        if (entry !== undefined) yield entry;
      }
      if (checkpoint === undefined || checkpoint.treeSize === treeSize) return;
      ({ treeSize } = checkpoint);
      const { origin, rootHash } = checkpoint;
      yield { kind: 'checkpoint', origin, treeSize, rootHash: Buffer.from(rootHash).toString('hex') };
    },
  };
}

/** 0 for a document that says nothing: entries are then told once more. */
async function readTold(kept: MonitorParts['kept'], signal: AbortSignal): Promise<number> {
  const text = (await kept?.state.read(kept.name, signal))?.text ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Only after the entries were taken: who is killed in between is told them again. */
async function writeTold(kept: MonitorParts['kept'], told: number, signal: AbortSignal): Promise<void> {
  if (kept === undefined) return;
  const before = await kept.state.read(kept.name, signal);
  const text = String(told);
  if (before?.text !== text) await kept.state.write(kept.name, { text, version: before?.version }, signal);
}
