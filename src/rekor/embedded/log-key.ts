import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { ed25519KeyId, formatCheckpoint, signNote } from '../../ledger/signed-note.ts';

const RAW_KEY_BYTES = 32;
const NAME_DIGITS = 8;

/** The key that signs the checkpoints of an embedded log. */
export interface LogKey {
  /** PKCS#8 PEM. */
  readonly pem: string;
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly spki: string;
  /** Origin of a log that was given none: different for each key. */
  readonly defaultOrigin: string;
  /** The signed note of a checkpoint (C2SP tlog-checkpoint). */
  signCheckpoint(checkpoint: {
    readonly origin: string;
    readonly treeSize: number;
    readonly rootHash: Uint8Array;
  }): string;
}

export function generateLogKey(): LogKey {
  return toLogKey(generateKeyPairSync('ed25519').privateKey);
}

/** Throws TypeError unless it is an Ed25519 key in PEM. */
export function parseLogKey(pem: string): LogKey {
  const key = createPrivateKey({ key: pem, format: 'pem' });
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key');
  return toLogKey(key);
}

function toLogKey(key: KeyObject): LogKey {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const raw = der.subarray(-RAW_KEY_BYTES);
  const id = createHash('sha256').update(raw).digest('hex').slice(0, NAME_DIGITS);
  return {
    pem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    spki: der.toString('base64'),
    defaultOrigin: `tagseal-embedded-${id}`,
    signCheckpoint(checkpoint) {
      const body = formatCheckpoint(checkpoint);
      const signature = sign(null, Buffer.from(body, 'utf8'), key);
      return signNote(body, checkpoint.origin, ed25519KeyId(checkpoint.origin, raw), signature);
    },
  };
}
