import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { finished, pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { runProcess } from '../../../support/start-process.ts';

/** What stands at an absolute path of an image: bytes, or a file of this machine. */
export type LayerFile =
  | { readonly path: string; readonly content: string; readonly mode?: number }
  | { readonly path: string; readonly file: string; readonly mode?: number }
  | { readonly path: string; readonly folder: true; readonly mode?: number }
  | { readonly path: string; readonly link: string };

/** Writes an image layer; the same files give the same bytes. */
export async function writeLayer(target: string, files: readonly LayerFile[]): Promise<void> {
  const tar = pack();
  const output = createWriteStream(target);
  const written = pipeline(tar, output);
  for (const file of files) await addEntry(tar, file);
  tar.finalize();
  await written;
}

async function addEntry(tar: Pack, file: LayerFile): Promise<void> {
  const common = { name: file.path.replace(/^\//, ''), mtime: new Date(0), uid: 0, gid: 0 };
  if ('link' in file) {
    tar.entry({ ...common, type: 'symlink', linkname: file.link });
    return;
  }
  if ('folder' in file) {
    tar.entry({ ...common, type: 'directory', mode: file.mode ?? 0o755 });
    return;
  }
  if ('content' in file) {
    tar.entry({ ...common, mode: file.mode ?? 0o644 }, file.content);
    return;
  }
  const { size, mode } = await stat(file.file);
  const entry = tar.entry({ ...common, size, mode: file.mode ?? mode & 0o777 });
  createReadStream(file.file).pipe(entry);
  await finished(entry);
}

/** A program of this machine with the libraries that it is linked with, each at its own path. */
export async function programFiles(program: string, path: string): Promise<readonly LayerFile[]> {
  const { stdout } = await runProcess('ldd', [program]);
  // "libm.so.6 => /lib/.../libm.so.6 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)"; a static one has none
  const libraries = [...stdout.matchAll(/(?:^|\s)(\/\S+) \(0x/g)].map(([, library = '']) => library);
  const files = await Promise.all(
    libraries.map(async (library) => ({ path: library, file: await realpath(library), mode: 0o755 })),
  );
  return [{ path, file: await realpath(program), mode: 0o755 }, ...files];
}

/** Text of a file, or nothing where there is none. */
export async function optionalFile(path: string, file: string): Promise<readonly LayerFile[]> {
  const content = await readFile(file, 'utf8').catch(() => undefined);
  return content === undefined ? [] : [{ path, content }];
}
