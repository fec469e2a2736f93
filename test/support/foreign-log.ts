import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeCompactRange } from '../../src/ledger/compact-range.ts';
import { leafHash } from '../../src/ledger/leaf-hash.ts';
import { ed25519KeyId, formatCheckpoint, signNote } from '../../src/ledger/signed-note.ts';
import { entryBody } from '../../src/rekor/entry.ts';
import { printEntryBundle, printTilePath, TILE_WIDTH } from '../../src/rekor/tiles.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';

const ORIGIN = 'foreign.test';
/** As long as a certificate of Fulcio's. */
const CERTIFICATE_BYTES = 720;
const SIGNATURE_BYTES = 71;

/**
 * Writes the files of a tile log (C2SP tlog-tiles) with so many entries of other people, all different and as long as
 * those of the public log; only what a tail reads: the bundles of entries and the checkpoint. Gives the log's trust.
 */
export async function writeForeignLog(folder: string, count: number): Promise<LogTrust> {
  const range = makeCompactRange();
  for (let index = 0; index * TILE_WIDTH < count; index += 1) {
    const width = Math.min(TILE_WIDTH, count - index * TILE_WIDTH);
    const bodies = Array.from({ length: width }, (_, i) => foreignBody(index * TILE_WIDTH + i));
    for (const body of bodies) range.append(leafHash(body));
    const path = join(folder, printTilePath({ level: 'entries', index, width }));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, printEntryBundle(bodies));
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const text = formatCheckpoint({ origin: ORIGIN, treeSize: count, rootHash: range.root() });
  const signature = sign(null, Buffer.from(text), privateKey);
  const note = signNote(text, ORIGIN, ed25519KeyId(ORIGIN, spki.subarray(-32)), signature);
  await writeFile(join(folder, 'checkpoint'), note);
  return { kind: 'rekor-v2', origin: ORIGIN, spki: spki.toString('base64') };
}

/** Reads a folder as a static web server would, without the network. */
export function makeFolderTransport(folder: string): LogTransport {
  return async ({ path }) => {
    const body = await readFile(join(folder, path)).catch(() => undefined);
    return { status: body === undefined ? 404 : 200, headers: {}, body: body ?? Buffer.alloc(0) };
  };
}

function foreignBody(number: number): Uint8Array {
  return entryBody('rekor-v2', {
    digest: createHash('sha256').update(`artifact ${number}`).digest('base64'),
    signature: noise(`signature ${number}`, SIGNATURE_BYTES),
    verifier: { kind: 'certificate', der: noise(`certificate ${number}`, CERTIFICATE_BYTES) },
  });
}

/** Bytes that look like any others, in base64. */
function noise(seed: string, bytes: number): string {
  return createHash('shake256', { outputLength: bytes }).update(seed).digest('base64');
}
