import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { fileProblemCode } from '../file-problem.ts';

export interface ArchiveWriter {
  /** Resolves when the reader wants more. */
  add(path: string, text: string): Promise<void>;
}

/** Takes what the archive is made of; waits when it wants no more. */
export type ArchiveSink = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

/** A gzipped tar of what `fill` adds, in that order. Equal texts give equal bytes: no time, no owner, no name. */
export async function writeArchive(
  sink: ArchiveSink,
  fill: (writer: ArchiveWriter) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createGzip(), sink, { signal });
  // looked at below; a record may still be on its way when it fails
  written.catch(() => undefined);
  const add = (path: string, text: string) =>
    new Promise<void>((resolve, reject) => {
      const header = { name: path, mode: 0o644, mtime: new Date(0) };
      // an entry that was cut off tells it twice, and an 'error' that nobody hears ends the process
      tar.entry(header, text, (error) => (error ? reject(error) : resolve())).on('error', reject);
    });
  try {
    await fill({ add });
    tar.finalize();
  } catch (error) {
    tar.destroy();
    const cause: unknown = await written.catch((reason: unknown) => reason);
    // a sink that failed is the reason; a tar that was closed just now is not
    throw fileProblemCode(cause) === 'ERR_STREAM_PREMATURE_CLOSE' ? error : (cause ?? error);
  }
  await written;
}
