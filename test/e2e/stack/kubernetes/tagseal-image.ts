import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pushLayer } from './images.ts';
import { optionalFile, programFiles, type LayerFile } from './layer.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const NODE_PATH = '/nodejs/bin/node';
const APP_PATH = '/app/tagseal.cjs';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const USER = '65532:65532';

export interface TagsealImage {
  /** `host/tagseal:dev`. */
  readonly image: string;
  readonly digest: string;
}

/**
 * Assembles Tagseal's image as the Dockerfile does, without a container engine: Node from the locked npm package, the
 * libraries that it is linked with from this machine, the built program. Needs `npm run build` before.
 */
export async function buildTagsealImage({
  registry,
}: {
  readonly registry: { readonly host: string };
}): Promise<TagsealImage> {
  const base = `${registry.host}/tagseal-node:dev`;
  await pushLayer({ image: base, files: await nodeFiles() });
  const image = `${registry.host}/tagseal:dev`;
  const digest = await pushLayer({
    image,
    base,
    files: [
      { path: '/app', folder: true },
      { path: APP_PATH, file: join(ROOT, 'dist', 'tagseal.cjs'), mode: 0o755 },
    ],
    config: [
      ...['--entrypoint', `${NODE_PATH},${APP_PATH}`, '--user', USER, '--workdir', '/app'],
      ...(await environment()),
    ],
  });
  return { image, digest };
}

/** As flags of crane. */
async function environment(): Promise<readonly string[]> {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  return [...dockerfile.matchAll(/^ENV (\S+)$/gm)].flatMap(([, pair = '']) => ['--env', pair]);
}

async function nodeFiles(): Promise<readonly LayerFile[]> {
  return [
    { path: '/tmp', folder: true, mode: 0o1777 },
    { path: '/home/nonroot', folder: true },
    ...(await programFiles(join(ROOT, 'node_modules', 'node', 'bin', 'node'), NODE_PATH)),
    ...(await optionalFile(CERTIFICATES, CERTIFICATES)),
    { path: '/etc/passwd', content: 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' },
    { path: '/etc/group', content: 'nonroot:x:65532:\n' },
    { path: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
  ];
}
