import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { FORMAT_FILE, FORMAT_TEXT } from '../../src/cli/archive/format.ts';

export interface PaperEntry extends Partial<Header> {
  readonly name: string;
  readonly body?: string | Uint8Array;
}

export const FORMAT_ENTRY: PaperEntry = { name: FORMAT_FILE, body: FORMAT_TEXT };

/** A tar of whatever a test wants in it. */
export async function paperTar(entries: readonly PaperEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { body = '', ...header } of entries) tar.entry({ ...header }, body);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function paperArchive(entries: readonly PaperEntry[]): Promise<Buffer> {
  return gzipSync(await paperTar(entries));
}
