import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { makeCompactRange, type CompactRangeState } from '../ledger/compact-range.ts';
import { countAt, type Fields, fieldsOf, has, invalid, textAt, unknownAt } from '../ledger/field.ts';
import { sameHash } from '../ledger/leaf-hash.ts';
import { verifyCheckpoint, type CheckpointTrust } from '../ledger/signed-note.ts';
import type { TailState } from './tail.ts';

/** The head of a snapshot: all but the own leaves, which its chain of hashes binds. */
export interface TailDocument extends Pick<TailState, 'verified' | 'read'> {
  /** How many leaves the chain covers; those of `verified` are the first of them. */
  readonly leaves: number;
  /** Hex. */
  readonly chain: string;
}

export interface DocumentTrust {
  readonly log: CheckpointTrust;
  /** The ledger's secret: without it a document can be deleted and set back, but not changed. */
  readonly key: Uint8Array;
}

const TITLE = 'tagseal/tail/v1';
const HEX_HASH = /^[0-9a-f]{64}$/;
const ANY_NOTE = /^[^]{1,65536}$/;
const MAX_SUBTREES = 53;

/** Two lines: HMAC-SHA-256 over the second, which is JSON. */
export function printTailDocument({ verified, read, leaves, chain }: TailDocument, key: Uint8Array): string {
  const { range, checkpoint } = verified;
  const note = checkpoint === undefined ? {} : { checkpoint: checkpoint.note };
  const json = JSON.stringify({ verified: { range, leaves: verified.leaves, ...note }, read, leaves, chain });
  return `${seal(json, key)}\n${json}\n`;
}

/**
 * Accepts only what `printTailDocument` wrote with this key, whose verified range has the root of a checkpoint that the
 * log has signed. Throws RECORD_INVALID, LOG_PROOF_INVALID.
 */
export function parseTailDocument(text: string, { log, key }: DocumentTrust): TailDocument {
  const [written = '', json = '', ...rest] = text.split('\n');
  const expected = Buffer.from(seal(json, key));
  const actual = Buffer.from(written);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual) || rest.join() !== '')
    throw invalid('tail', 'it was not written with the key of this ledger');
  const fields = fieldsOf(parseJson(json), 'tail', ['verified', 'read', 'leaves', 'chain']);
  const document = {
    verified: verifiedIn(fields, log),
    read: rangeAt(fields, 'read'),
    leaves: countAt(fields, 'leaves'),
    chain: textAt(fields, 'chain', HEX_HASH, '64 hex digits'),
  };
  if (document.read.size < document.verified.range.size || document.leaves < document.verified.leaves)
    throw invalid('tail', 'less is read than verified');
  return document;
}

/** Binds all leaves in their order: each link is SHA-256 of the link before and the block's hash. */
export function chainOf(blockHashes: Iterable<Uint8Array>): string {
  let link: Uint8Array = Buffer.alloc(0);
  for (const hash of blockHashes) link = createHash('sha256').update(link).update(hash).digest();
  return Buffer.from(link).toString('hex').padStart(64, '0');
}

function seal(json: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`${TITLE}\n${json}`).digest('hex');
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid('tail', 'it is not JSON', cause);
  }
}

function verifiedIn(fields: Fields, log: CheckpointTrust): TailState['verified'] {
  const verified = fieldsOf(unknownAt(fields, 'verified'), 'tail.verified', [
    'range',
    'leaves',
    'checkpoint',
  ]);
  const range = rangeAt(verified, 'range');
  const leaves = countAt(verified, 'leaves');
  if (!has(verified, 'checkpoint')) {
    if (range.size > 0) throw invalid('tail.verified', 'no checkpoint verifies it');
    return { range, leaves };
  }
  const note = textAt(verified, 'checkpoint', ANY_NOTE, 'a checkpoint');
  const checkpoint: Checkpoint = verifyCheckpoint(note, log);
  const isCovered = checkpoint.treeSize === range.size;
  if (!isCovered || !sameHash(checkpoint.rootHash, makeCompactRange(range).root()))
    throw invalid('tail.verified', 'its leaves do not give the root of its checkpoint');
  return { range, leaves, checkpoint };
}

/** Throws LOG_PROOF_INVALID, too. */
function rangeAt(fields: Fields, name: string): CompactRangeState {
  const range = fieldsOf(unknownAt(fields, name), `${fields.path}.${name}`, ['size', 'hashes']);
  const listed = unknownAt(range, 'hashes');
  if (!Array.isArray(listed) || listed.length > MAX_SUBTREES)
    throw invalid(`${range.path}.hashes`, 'it is no list of hashes');
  const hashes = listed.map((hash: unknown) => (typeof hash === 'string' ? hash : ''));
  return makeCompactRange({ size: countAt(range, 'size'), hashes }).state();
}
