import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../../../support/start-process.ts';
import { goTool, onPath } from '../install.ts';
import { succeed } from './clients.ts';
import { programFiles, writeLayer, type LayerFile } from './layer.ts';

const PATIENCE_MS = 300_000;

/** Runs crane against registries that speak plain HTTP; throws what it says when it fails. */
export function crane(args: readonly string[]): Promise<string> {
  return succeed(runProcess(goTool('crane'), [...args, '--insecure'], { timeoutMs: PATIENCE_MS }));
}

/** Pushes an image of one layer more than `base` (of one layer without it); gives its digest. */
export async function pushLayer(at: {
  readonly image: string;
  readonly base?: string;
  readonly files: readonly LayerFile[];
  /** Flags of `crane mutate`. */
  readonly config?: readonly string[];
}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tagseal-image-'));
  try {
    const tar = join(folder, 'layer.tar');
    await writeLayer(tar, at.files);
    const base = at.base === undefined ? [] : ['--base', at.base];
    await crane(['append', ...base, '--new_layer', tar, '--new_tag', at.image, '--platform', 'linux/amd64']);
    if (at.config !== undefined) await crane(['mutate', at.image, '--tag', at.image, ...at.config]);
    return (await crane(['digest', at.image])).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Applets of the test image, beside `busybox` itself. (Debian's wget crashes at -T.) */
const APPLETS = ['sh', 'sleep', 'cat', 'ls', 'wget', 'httpd', 'nc', 'id', 'echo', 'true', 'false'] as const;

/** Pushes busybox, which does nothing until it is stopped; the base of test images. */
export async function pushBusybox(image: string): Promise<string> {
  const busybox = await programFiles(onPath('busybox') ?? 'busybox', '/bin/busybox');
  return pushLayer({
    image,
    files: [
      ...['/bin', '/etc', '/www'].map((path) => ({ path, folder: true }) as const),
      { path: '/tmp', folder: true, mode: 0o1777 },
      ...busybox,
      ...APPLETS.map((name) => ({ path: `/bin/${name}`, link: 'busybox' })),
      {
        path: '/etc/passwd',
        content: 'root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/bin/sh\n',
      },
    ],
    // a first process without a handler ignores SIGTERM
    config: [
      ...['--env', 'PATH=/bin'],
      ...['--entrypoint', '/bin/busybox,sh,-c,trap exit TERM INT; sleep 1000000 & wait'],
    ],
  });
}

/** Pushes an image that waits and whose digest is that of `text`; with another text the tag moves. Gives the digest. */
export function pushMarked(
  cluster: { readonly busybox: string },
  image: string,
  text: string,
): Promise<string> {
  return pushLayer({ image, base: cluster.busybox, files: [{ path: '/marker', content: text }] });
}
