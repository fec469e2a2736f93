import { AppError } from '../errors/app-error.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { SignedStatement, VerifiedEntry } from '../ledger/evidence.ts';
import { verifyInclusion } from '../ledger/inclusion-proof.ts';
import { leafHash } from '../ledger/leaf-hash.ts';
import { parseCheckpoint, verifyCheckpoint } from '../ledger/signed-note.ts';
import { entryBody, entryParts } from './entry.ts';
import type { LogEntry } from './log-entry.ts';
import type { LogTrust } from './trusted-root.ts';

const VERSIONS = { embedded: '0.0.2', 'rekor-v2': '0.0.2', 'rekor-v1': '0.0.1' } as const;
const TREE_ID = /^[1-9][0-9]{0,18}$/;
const TREE_ID_HEX_DIGITS = 16;

/**
 * That the leaf of this very statement, signature and key is in the log. The leaf is rebuilt and not taken from the
 * entry, so an entry that names another key proves nothing (rekor-v2-spec 6.1.4). Throws LOG_ENTRY_INVALID, LOG_PROOF_INVALID.
 */
export function verifyLogEntry(trust: LogTrust, signed: SignedStatement, entry: LogEntry): VerifiedEntry {
  const leaf = entryBody(trust.kind, entryParts(signed));
  if (entry.version !== VERSIONS[trust.kind] || entry.body !== Buffer.from(leaf).toString('base64')) {
    throw reject('LOG_ENTRY_INVALID', 'the entry is not the one that this statement, signature and key make');
  }
  assertTime(trust, entry);
  const checkpoint = verifyPinned(trust, entry.proof.checkpoint);
  const { index, treeSize, rootHash, hashes } = entry.proof;
  if (checkpoint.treeSize !== treeSize || Buffer.from(checkpoint.rootHash).toString('base64') !== rootHash) {
    throw reject('LOG_PROOF_INVALID', 'the proof is for another tree than the checkpoint signs');
  }
  const hash = leafHash(leaf);
  const proof = hashes.map((each) => Buffer.from(each, 'base64'));
  verifyInclusion({ index, treeSize, leafHash: hash, proof, rootHash: checkpoint.rootHash });
  // v1 numbers its entries over all shards, and signs that number (SET)
  if (trust.kind !== 'rekor-v1' && entry.logIndex !== index) {
    throw reject('LOG_PROOF_INVALID', `the entry says index ${entry.logIndex} and its proof ${index}`);
  }
  return {
    logIndex: entry.logIndex,
    logId: entry.logId,
    uuid: `${uuidPrefix(trust, checkpoint)}${Buffer.from(hash).toString('hex')}`,
    ...(entry.integratedTime === 0 ? {} : { integratedTime: entry.integratedTime }),
  };
}

/** v1 vouches for a time, by its SET; v2 does not, so a time there is somebody's invention. */
function assertTime({ kind }: LogTrust, { integratedTime, signedEntryTimestamp }: LogEntry): void {
  const vouched = integratedTime > 0 && signedEntryTimestamp !== undefined;
  const silent = integratedTime === 0 && signedEntryTimestamp === undefined;
  if (kind === 'rekor-v1' ? !vouched : !silent) {
    throw reject('LOG_ENTRY_INVALID', 'its time is not one that this kind of log signs');
  }
}

function verifyPinned(trust: LogTrust, note: string): Checkpoint {
  const spki = Buffer.from(trust.spki, 'base64');
  if (trust.kind !== 'rekor-v1') return verifyCheckpoint(note, { origin: trust.origin, spki });
  const { origin } = parseCheckpoint(note);
  if (!origin.startsWith(`${trust.origin} - `) || !TREE_ID.test(treeIdOf(trust, origin))) {
    throw reject('LOG_PROOF_INVALID', 'its checkpoint is of another log');
  }
  return verifyCheckpoint(note, { origin, keyName: trust.origin, spki });
}

/** v1's origin line is `<host> - <tree ID>`. */
function treeIdOf(trust: LogTrust, origin: string): string {
  return origin.slice(`${trust.origin} - `.length);
}

function uuidPrefix(trust: LogTrust, { origin }: Checkpoint): string {
  if (trust.kind !== 'rekor-v1') return '';
  return BigInt(treeIdOf(trust, origin)).toString(16).padStart(TREE_ID_HEX_DIGITS, '0');
}

function reject(code: 'LOG_ENTRY_INVALID' | 'LOG_PROOF_INVALID', why: string): AppError {
  return new AppError({
    code,
    message: `cannot accept the log entry: ${why}; do not trust this record until it is explained`,
  });
}
