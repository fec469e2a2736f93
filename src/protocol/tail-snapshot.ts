import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { makeCompactRange } from '../ledger/compact-range.ts';
import { invalid } from '../ledger/field.ts';
import { sameHash } from '../ledger/leaf-hash.ts';
import type { CheckpointTrust } from '../ledger/signed-note.ts';
import type { Logger } from '../observe/log.ts';
import { BLOCK_LEAVES, LEAF_BYTES, packedIndexes, type OwnLeaves } from './own-leaves.ts';
import type { StateStore } from './ports.ts';
import type { TailState } from './tail.ts';
import { chainOf, parseTailDocument, printTailDocument, type TailDocument } from './tail-document.ts';

export interface TailSnapshotParts {
  readonly state: StateStore;
  readonly log: CheckpointTrust;
  /** The keys and identities that are ours, as texts: a snapshot has no leaves of others, so another list needs its own. */
  readonly watched: readonly string[];
  /** A secret of the ledger; without one (no bytes), whoever can write to the store can leave out leaves. */
  readonly key: Uint8Array;
  readonly logger: Logger;
}

export interface TailSnapshots {
  /** What was saved, if it goes further than what is known. Throws STORE_UNAVAILABLE, LOG_FORKED for a split view. */
  load(known: TailState, signal: AbortSignal): Promise<TailState | undefined>;
  /** `behind`: as much or more is saved already, or is being saved. Throws as `load`. */
  save(state: TailState, signal: AbortSignal): Promise<'saved' | 'behind'>;
}

/** Codes of a document that says what it must not. */
const BAD: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['RECORD_INVALID', 'LOG_PROOF_INVALID']);

/**
 * Keeps in a StateStore how far a tail has read: a head, and the own leaves in blocks to which leaves are only added. A
 * save writes the last blocks and then the head; after a crash between the two, the blocks still begin as the head says.
 *
 * What it protects from: a log that was replaced, shrunk or forked while nobody watched, since what is read later must
 * continue the saved range. Whoever can write to the store and has not the key can delete a snapshot or set it back, which
 * costs time and no evidence: all is read anew from there. With the key, or where none is used, as in the folder of
 * `tagseal monitor`, leaves of ours could be left out; reading from the first leaf finds them (`--from-start`).
 */
export function makeTailSnapshots(parts: TailSnapshotParts): TailSnapshots {
  const { state: store, log, key, logger } = parts;
  const prefix = tailPrefix(parts);
  const headName = `${prefix}-head`;
  // hashes of blocks that are in the store
  const kept = new Map<number, string>();
  let reported: string | undefined;

  /** A head that cannot be used counts as none: all is read anew from the log. That it is broken is for a person. */
  async function readHead(signal: AbortSignal) {
    const document = await store.read(headName, signal);
    if (document === undefined) return { head: undefined, version: undefined };
    const { text, version } = document;
    try {
      return { head: parseTailDocument(text, { log, key }), version };
    } catch (error) {
      report(version, error);
      return { head: undefined, version };
    }
  }

  function report(version: string, error: unknown): void {
    const { code, message } = toAppError(error);
    if (!BAD.has(code)) throw error;
    if (reported === version) return;
    reported = version;
    logger.error('log.snapshotInvalid', { origin: log.origin, document: headName, code }, message);
  }

  async function load(known: TailState, signal: AbortSignal): Promise<TailState | undefined> {
    const { head, version } = await readHead(signal);
    if (head === undefined) return undefined;
    refuseSplitView(head, known);
    if (!isFurther(head, known)) return undefined;
    try {
      return await takeLeaves(head, known, signal);
    } catch (error) {
      report(version, error);
      return undefined;
    }
  }

  /** The leaves known here are the first of those saved: the others are added, once all together fit the chain. */
  async function takeLeaves(head: TailDocument, known: TailState, signal: AbortSignal): Promise<TailState> {
    const { own } = known;
    const same = Math.floor(Math.min(known.verified.leaves, head.leaves) / BLOCK_LEAVES);
    const added: Uint8Array[] = [];
    for (let number = same; number < blockCount(head.leaves); number += 1) {
      const bytes = await readBlock(number, signal);
      added.push(bytes.subarray(0, (head.leaves - number * BLOCK_LEAVES) * LEAF_BYTES));
    }
    if (chainOf([...blockHashes(own, same), ...added.map(sha256)]) !== head.chain)
      throw invalid('tail.chain', 'the leaves beside it are not those that it was written for');
    const leaves = Buffer.concat(added);
    checkIndexes(leaves, head, {
      first: same * BLOCK_LEAVES,
      after: own.at(same * BLOCK_LEAVES - 1)?.index ?? -1,
    });
    own.truncate(same * BLOCK_LEAVES);
    own.append(leaves);
    return { verified: head.verified, read: head.read, own };
  }

  async function readBlock(number: number, signal: AbortSignal): Promise<Uint8Array> {
    return Buffer.from((await store.read(`${prefix}-${number}`, signal))?.text ?? '', 'base64');
  }

  async function save(state: TailState, signal: AbortSignal): Promise<'saved' | 'behind'> {
    const { own, verified, read } = state;
    // before anything is waited for: the tail may read on meanwhile
    const leaves = own.count;
    const hashes = [...blockHashes(own, blockCount(leaves))];
    const { head, version } = await readHead(signal);
    if (head !== undefined) refuseSplitView(head, state);
    if (head !== undefined && !isFurther(state, head)) return 'behind';
    for (const [number, hash] of hashes.entries()) {
      if (!(await saveBlock(own, { number, hash }, signal))) return 'behind';
    }
    const text = printTailDocument({ verified, read, leaves, chain: chainOf(hashes) }, key);
    if ((await store.write(headName, { text, version }, signal)) === 'written') return 'saved';
    kept.clear();
    return 'behind';
  }

  async function saveBlock(
    own: OwnLeaves,
    block: { readonly number: number; readonly hash: Uint8Array },
    signal: AbortSignal,
  ): Promise<boolean> {
    const hash = Buffer.from(block.hash).toString('hex');
    if (kept.get(block.number) === hash) return true;
    const name = `${prefix}-${block.number}`;
    const bytes = Buffer.from(own.block(block.number));
    const before = await store.read(name, signal);
    const isThere =
      before !== undefined && Buffer.from(before.text, 'base64').subarray(0, bytes.length).equals(bytes);
    if (!isThere) {
      const text = bytes.toString('base64');
      if ((await store.write(name, { text, version: before?.version }, signal)) === 'conflict') return false;
    }
    kept.set(block.number, hash);
    return true;
  }

  return { load, save };
}

/** What the names of all documents about this tail begin with. */
export function tailPrefix({ log, watched }: Pick<TailSnapshotParts, 'log' | 'watched'>): string {
  const spki = Buffer.from(log.spki).toString('base64');
  const text = JSON.stringify([log.origin, spki, watched.toSorted()]);
  return `tail-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function refuseSplitView({ verified: saved }: TailDocument, { verified: known }: TailState): void {
  if (saved.range.size !== known.range.size) return;
  if (sameHash(makeCompactRange(saved.range).root(), makeCompactRange(known.range).root())) return;
  throw new AppError({
    code: 'LOG_FORKED',
    message: `it has signed two trees of ${saved.range.size} leaves with different roots`,
  });
}

function isFurther(
  one: Pick<TailState, 'verified' | 'read'>,
  other: Pick<TailState, 'verified' | 'read'>,
): boolean {
  const ahead = one.verified.range.size - other.verified.range.size;
  return ahead > 0 || (ahead === 0 && one.read.size > other.read.size);
}

/** Throws RECORD_INVALID for leaves that no reading of the log can have left. */
function checkIndexes(
  bytes: Uint8Array,
  { verified, read, leaves }: TailDocument,
  { first, after }: { readonly first: number; readonly after: number },
): void {
  let [ordinal, before] = [first, after];
  for (const index of packedIndexes(bytes)) {
    const isCovered = index < verified.range.size;
    if (index <= before || index >= read.size || isCovered !== ordinal < verified.leaves)
      throw invalid('tail.leaves', `no leaf of index ${index} can follow leaf ${before}`);
    [ordinal, before] = [ordinal + 1, index];
  }
  if (ordinal !== leaves || bytes.length % LEAF_BYTES !== 0)
    throw invalid('tail.leaves', 'leaves are missing');
}

function blockCount(leaves: number): number {
  return Math.ceil(leaves / BLOCK_LEAVES);
}

function* blockHashes(own: OwnLeaves, blocks: number): Iterable<Uint8Array> {
  for (let number = 0; number < blocks; number += 1) yield own.blockHash(number);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
