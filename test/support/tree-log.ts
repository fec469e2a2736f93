import { generateKeyPairSync, sign } from 'node:crypto';
import type { Checkpoint } from '../../src/ledger/checkpoint.ts';
import { makeCompactRange } from '../../src/ledger/compact-range.ts';
import { leafHash } from '../../src/ledger/leaf-hash.ts';
import {
  ed25519KeyId,
  formatCheckpoint,
  signNote,
  type CheckpointTrust,
} from '../../src/ledger/signed-note.ts';
import { statementDigest } from '../../src/ledger/statement.ts';
import type { LeafBatch, LogReader } from '../../src/protocol/ports.ts';
import { naiveInclusion } from './naive-merkle.ts';

const BATCH = 256;
const OWN = 'own ';
const FAKE = 'fake ';

/** A log of leaves in memory that signs its tree; a test may change the leaves as it likes. */
export interface TreeLog {
  readonly trust: CheckpointTrust;
  readonly leaves: Uint8Array[];
  readonly reader: Pick<LogReader, 'checkpoint' | 'leaves'> & Required<Pick<LogReader, 'lastPath'>>;
  /** How many leaves were read. */
  readCount(): number;
  addOwn(statement: string): void;
  /** A leaf that only carries our key. */
  addFake(statement: string): void;
  addOthers(count: number): void;
  /** Another log with the same key and leaves: what a split view shows to others. */
  fork(): TreeLog;
  checkpoint(): Checkpoint;
}

export function makeTreeLog(origin = 'tree.test'): TreeLog {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const keyId = ed25519KeyId(origin, spki.subarray(-32));

  function signTree(leaves: readonly Uint8Array[]): Checkpoint {
    const range = makeCompactRange();
    for (const body of leaves) range.append(leafHash(body));
    const [treeSize, rootHash] = [leaves.length, range.root()];
    const text = formatCheckpoint({ origin, treeSize, rootHash });
    const note = signNote(text, origin, keyId, sign(null, Buffer.from(text), privateKey));
    return { origin, treeSize, rootHash, note };
  }

  function logOf(leaves: Uint8Array[]): TreeLog {
    let count = 0;
    async function* read(from: number, to: number): AsyncGenerator<LeafBatch> {
      for (let start = from; start < to; start += BATCH) {
        const entries = leaves.slice(start, Math.min(start + BATCH, to));
        count += entries.length;
        yield { start, entries };
      }
    }
    return {
      trust: { origin, spki },
      leaves,
      reader: {
        checkpoint: async () => signTree(leaves),
        leaves: read,
        lastPath: async (treeSize) => naiveInclusion(treeSize - 1, leaves.slice(0, treeSize)),
      },
      readCount: () => count,
      addOwn: (statement) => void leaves.push(ownBody(statement)),
      addFake: (statement) => void leaves.push(Buffer.from(FAKE + OWN + statement)),
      addOthers(more) {
        for (let i = 0; i < more; i += 1) leaves.push(Buffer.from(`other ${leaves.length}`));
      },
      fork: () => logOf([...leaves]),
      checkpoint: () => signTree(leaves),
    };
  }

  return logOf([]);
}

/** The leaf of `addOwn`. */
export function ownBody(statement: string): Uint8Array {
  return Buffer.from(OWN + statement);
}

/** Knows the leaves of `addOwn`. */
export const ownOfTreeLog = {
  candidate(body: Uint8Array): string | undefined {
    const text = Buffer.from(body).toString('utf8');
    const claimed = text.startsWith(FAKE) ? text.slice(FAKE.length) : text;
    return claimed.startsWith(OWN) ? statementDigest(claimed.slice(OWN.length)) : undefined;
  },
};
