import { generateKeyPairSync, sign } from 'node:crypto';
import { ecdsaKeyId, ed25519KeyId, formatCheckpoint, signNote } from '../../src/ledger/signed-note.ts';
import { canonicalJson } from '../../src/rekor/canonical-json.ts';
import type { LogEntry } from '../../src/rekor/log-entry.ts';
import { logIdOf, type LogTrust } from '../../src/rekor/trusted-root.ts';
import { naiveInclusion, naiveRoot, sha256 } from './naive-merkle.ts';

/** A tree of leaves as a log shows it: possibly not the one that it shows to others. */
export interface View {
  /** v1: in decimal digits, as its checkpoints say it. */
  readonly treeId: string;
  /** Entries in the shards before it: v1 numbers its entries over all. */
  readonly offset: number;
  readonly bodies: readonly Uint8Array[];
}

/** The key of a log: it signs whatever tree it is shown. */
export interface TreeSigner {
  readonly trust: LogTrust;
  /** The signed note over the whole view. */
  note(view: View): string;
  /** An entry of the view with a proof to its head; `time` (v1) in seconds since the epoch. */
  entry(view: View, index: number, time: number): LogEntry;
  /** v1: the same entry at another time, signed by the log. */
  signedAt(entry: LogEntry, time: number): LogEntry;
}

export function makeTreeSigner(kind: 'rekor-v1' | 'rekor-v2', origin: string): TreeSigner {
  const isV1 = kind === 'rekor-v1';
  const { privateKey, publicKey } = isV1
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('ed25519');
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const trust: LogTrust = { kind, origin, spki: der.toString('base64') };
  const keyId = isV1 ? ecdsaKeyId(der) : ed25519KeyId(origin, der.subarray(-32));
  const logId = logIdOf(trust);
  const signed = (bytes: Uint8Array) => sign(isV1 ? 'sha256' : null, bytes, privateKey);

  function note({ treeId, bodies }: View): string {
    const text = formatCheckpoint({
      origin: isV1 ? `${origin} - ${treeId}` : origin,
      treeSize: bodies.length,
      rootHash: naiveRoot(bodies),
    });
    return signNote(text, origin, keyId, signed(Buffer.from(text)));
  }

  function signedAt(entry: LogEntry, integratedTime: number): LogEntry {
    const { body, logIndex } = entry;
    const logID = Buffer.from(logId, 'base64').toString('hex');
    const promise = canonicalJson({ body, integratedTime, logIndex, logID });
    return { ...entry, integratedTime, signedEntryTimestamp: base64(signed(Buffer.from(promise))) };
  }

  return {
    trust,
    note,
    signedAt,
    entry(view, index, time) {
      const entry: LogEntry = {
        logIndex: index + (isV1 ? view.offset : 0),
        logId,
        version: isV1 ? '0.0.1' : '0.0.2',
        integratedTime: 0,
        proof: {
          index,
          treeSize: view.bodies.length,
          rootHash: base64(naiveRoot(view.bodies)),
          hashes: naiveInclusion(index, view.bodies).map(base64),
          checkpoint: note(view),
        },
        body: base64(bodyAt(view, index)),
      };
      return isV1 ? signedAt(entry, time) : entry;
    },
  };
}

export function bodyAt({ bodies }: View, index: number): Uint8Array {
  const body = bodies[index];
  if (body === undefined) throw new RangeError(`no leaf ${index}`);
  return body;
}

/** RFC 6962 leaf hash, hex. */
export function leafHashOf(body: Uint8Array): string {
  return Buffer.from(sha256(Uint8Array.of(0), body)).toString('hex');
}

/** v1: 16 hex digits of tree ID, 64 of leaf hash. */
export function uuidOf({ treeId }: View, body: Uint8Array): string {
  return `${BigInt(treeId).toString(16).padStart(16, '0')}${leafHashOf(body)}`;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
