import { generateKeyPairSync, sign, type KeyPairKeyObjectResult } from 'node:crypto';
import type { LoggedStatement, SignedStatement } from '../../src/ledger/evidence.ts';
import { leafHash, nodeHash } from '../../src/ledger/leaf-hash.ts';
import { ecdsaKeyId, ed25519KeyId, formatCheckpoint, signNote } from '../../src/ledger/signed-note.ts';
import { assembleBundle } from '../../src/rekor/bundle.ts';
import { canonicalJson } from '../../src/rekor/canonical-json.ts';
import { entryBody, entryParts, type LogKind } from '../../src/rekor/entry.ts';
import type { LogEntry } from '../../src/rekor/log-entry.ts';
import { logIdOf, type LogTrust } from '../../src/rekor/trusted-root.ts';

const TREE_ID = '1234567890';
const TIME = 1_790_000_000;

/** A log of two leaves that signs whatever a test wants it to sign. */
export interface PaperLog {
  readonly trust: LogTrust;
  /** Where the entry stands: index 1, below a leaf that is no concern of ours. */
  readonly sibling: Uint8Array;
  note(checkpoint: {
    readonly treeSize: number;
    readonly rootHash: Uint8Array;
    readonly origin?: string;
  }): string;
  /** The entry, with a valid proof and checkpoint, for a body; on v1 of this time, in seconds since the epoch. */
  entry(body: Uint8Array, time?: number): LogEntry;
}

export function makePaperLog(kind: LogKind, origin = 'log.test', keys = logKeys(kind)): PaperLog {
  const isV1 = kind === 'rekor-v1';
  const { privateKey, publicKey } = keys;
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const trust: LogTrust = { kind, origin, spki: der.toString('base64') };
  const keyId = isV1 ? ecdsaKeyId(der) : ed25519KeyId(origin, der.subarray(-32));
  const sibling = leafHash(Buffer.from('another leaf'));
  const signing = (bytes: Uint8Array) => sign(isV1 ? 'sha256' : null, bytes, privateKey);

  function note(checkpoint: {
    readonly treeSize: number;
    readonly rootHash: Uint8Array;
    readonly origin?: string;
  }): string {
    const text = formatCheckpoint({ origin: isV1 ? `${origin} - ${TREE_ID}` : origin, ...checkpoint });
    return signNote(text, origin, keyId, signing(Buffer.from(text)));
  }

  return {
    trust,
    sibling,
    note,
    entry(body, time = TIME) {
      const rootHash = nodeHash(sibling, leafHash(body));
      const logIndex = isV1 ? 1_001 : 1;
      const logId = logIdOf(trust);
      const base: LogEntry = {
        logIndex,
        logId,
        version: isV1 ? '0.0.1' : '0.0.2',
        integratedTime: isV1 ? time : 0,
        proof: {
          index: 1,
          treeSize: 2,
          rootHash: base64(rootHash),
          hashes: [base64(sibling)],
          checkpoint: note({ treeSize: 2, rootHash }),
        },
        body: base64(body),
      };
      if (!isV1) return base;
      const logID = Buffer.from(logId, 'base64').toString('hex');
      const promise = canonicalJson({ body: base.body, integratedTime: time, logIndex, logID });
      return { ...base, signedEntryTimestamp: base64(signing(Buffer.from(promise))) };
    },
  };
}

/** As logs of this kind have them. */
export function logKeys(kind: LogKind): KeyPairKeyObjectResult {
  return kind === 'rekor-v1'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('ed25519');
}

/** Good evidence for a statement in this log. */
export function loggedIn(log: PaperLog, signed: SignedStatement): LoggedStatement {
  return {
    ...signed,
    bundle: assembleBundle(signed, log.entry(entryBody(log.trust.kind, entryParts(signed)))),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
