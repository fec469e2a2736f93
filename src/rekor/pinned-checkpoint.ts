import { LRUCache } from 'lru-cache';
import { AppError } from '../errors/app-error.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { parseCheckpoint, readNoteKey, verifyCheckpoint, type NoteKey } from '../ledger/signed-note.ts';
import type { LogTrust } from './trusted-root.ts';

/** Entries that were logged together share a checkpoint; 300 bytes each. */
const MAX_KNOWN = 256;
const TREE_ID = /^[1-9][0-9]{0,18}$/;
/** v1's origin line is `<host> - <tree ID>`. */
const V1_TREE = / - [1-9][0-9]{0,18}$/;
const TREE_ID_HEX_DIGITS = 16;

export interface PinnedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What stands before the leaf hash in a UUID: v1's tree ID, 16 hex digits. */
  readonly uuidPrefix: string;
}

/** The origin as LogTrust has it that a checkpoint claims; nothing is verified. */
export function originIn(kind: LogTrust['kind'], note: string): string {
  const [line = ''] = note.split('\n', 1);
  return kind === 'rekor-v1' ? line.replace(V1_TREE, '') : line;
}

/** Reads checkpoints of this log: its origin and its key, nobody else's. Throws LOG_PROOF_INVALID. */
export function makePinnedCheckpoint(trust: LogTrust): (note: string) => PinnedCheckpoint {
  const known = new LRUCache<string, PinnedCheckpoint>({ max: MAX_KNOWN });
  const key = readNoteKey(trust.origin, Buffer.from(trust.spki, 'base64'));
  return (note) => {
    const found = known.get(note);
    if (found !== undefined) return found;
    const pinned = verifyPinned(trust, key, note);
    known.set(note, pinned);
    return pinned;
  };
}

function verifyPinned(trust: LogTrust, key: NoteKey, note: string): PinnedCheckpoint {
  const spki = Buffer.from(trust.spki, 'base64');
  if (trust.kind !== 'rekor-v1') {
    return { checkpoint: verifyCheckpoint(note, { origin: trust.origin, spki }, key), uuidPrefix: '' };
  }
  const { origin } = parseCheckpoint(note);
  // v1's origin line is `<host> - <tree ID>`
  const treeId = origin.slice(`${trust.origin} - `.length);
  if (!origin.startsWith(`${trust.origin} - `) || !TREE_ID.test(treeId)) {
    throw new AppError({
      code: 'LOG_PROOF_INVALID',
      message:
        'cannot accept the log entry: its checkpoint is of another log; do not trust this record until it is explained',
    });
  }
  return {
    checkpoint: verifyCheckpoint(note, { origin, keyName: trust.origin, spki }, key),
    uuidPrefix: BigInt(treeId).toString(16).padStart(TREE_ID_HEX_DIGITS, '0'),
  };
}
