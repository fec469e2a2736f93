import { createPublicKey, verify } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import type { SignedStatement, VerifiedEntry } from '../ledger/evidence.ts';
import { verifyInclusion } from '../ledger/inclusion-proof.ts';
import { leafHash } from '../ledger/leaf-hash.ts';
import { canonicalJson } from './canonical-json.ts';
import { entryBody, entryParts } from './entry.ts';
import type { LogEntry } from './log-entry.ts';
import { makePinnedCheckpoint } from './pinned-checkpoint.ts';
import type { LogTrust } from './trusted-root.ts';

const VERSIONS = { embedded: '0.0.2', 'rekor-v2': '0.0.2', 'rekor-v1': '0.0.1' } as const;

/**
 * That the leaf of this very statement, signature and key is in the log, and since when if the log says that. Throws
 * LOG_ENTRY_INVALID, LOG_PROOF_INVALID.
 */
export type EntryCheck = (signed: SignedStatement, entry: LogEntry) => VerifiedEntry;

/**
 * For entries of one log. The leaf is rebuilt and not taken from the entry, so an entry that names another key proves
 * nothing (rekor-v2-spec 6.1.4).
 */
export function makeEntryCheck(trust: LogTrust): EntryCheck {
  const readCheckpoint = makePinnedCheckpoint(trust);
  const assertPromised = makePromiseCheck(trust);

  return (signed, entry) => {
    const leaf = entryBody(trust.kind, entryParts(signed));
    if (entry.version !== VERSIONS[trust.kind] || entry.body !== Buffer.from(leaf).toString('base64')) {
      throw reject(
        'LOG_ENTRY_INVALID',
        'the entry is not the one that this statement, signature and key make',
      );
    }
    assertTime(trust, entry);
    const { checkpoint, uuidPrefix } = readCheckpoint(entry.proof.checkpoint);
    const { index, treeSize, rootHash, hashes } = entry.proof;
    if (
      checkpoint.treeSize !== treeSize ||
      Buffer.from(checkpoint.rootHash).toString('base64') !== rootHash
    ) {
      throw reject('LOG_PROOF_INVALID', 'the proof is for another tree than the checkpoint signs');
    }
    const hash = leafHash(leaf);
    const proof = hashes.map((each) => Buffer.from(each, 'base64'));
    verifyInclusion({ index, treeSize, leafHash: hash, proof, rootHash: checkpoint.rootHash });
    // v1 numbers its entries over all shards, and signs that number (SET)
    if (trust.kind !== 'rekor-v1' && entry.logIndex !== index) {
      throw reject('LOG_PROOF_INVALID', `the entry says index ${entry.logIndex} and its proof ${index}`);
    }
    assertPromised(entry);
    return {
      logIndex: entry.logIndex,
      logId: entry.logId,
      uuid: `${uuidPrefix}${Buffer.from(hash).toString('hex')}`,
      checkpoint: entry.proof.checkpoint,
      ...(entry.integratedTime === 0 ? {} : { integratedTime: entry.integratedTime }),
    };
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

/** v1 signs body, time, log ID and index as canonical JSON (rekor, SignedEntryTimestamp). */
function makePromiseCheck({ spki }: LogTrust): (entry: LogEntry) => void {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
  return ({ body, integratedTime, logIndex, logId, signedEntryTimestamp }) => {
    if (signedEntryTimestamp === undefined) return;
    const logID = Buffer.from(logId, 'base64').toString('hex');
    const promised = Buffer.from(canonicalJson({ body, integratedTime, logIndex, logID }), 'utf8');
    if (verify('sha256', promised, key, Buffer.from(signedEntryTimestamp, 'base64'))) return;
    throw reject('LOG_PROOF_INVALID', 'the log has not signed its time and its index');
  };
}

function reject(code: 'LOG_ENTRY_INVALID' | 'LOG_PROOF_INVALID', why: string): AppError {
  return new AppError({
    code,
    message: `cannot accept the log entry: ${why}; do not trust this record until it is explained`,
  });
}
