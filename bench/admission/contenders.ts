import { mkdir, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueLeaf, makeAuthority } from '../../src/http/tls.ts';
import { cleanEnvironment, PROGRAM } from '../../test/support/serve.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import type { Counts } from './upstream-server.ts';
import type { Target } from './load.ts';

export interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly child: Child;
  readonly target: Target;
}

export interface Upstream extends AsyncDisposable {
  readonly child: Child;
  readonly registry: string;
  counts(): Promise<Counts>;
}

const HOUR_MS = 3_600_000;

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The registry and the log. Both replicas find the log by its folder. */
export async function startUpstream(folder: string, tags: number): Promise<Upstream> {
  const logFolder = join(folder, 'data', 'log');
  await mkdir(logFolder, { recursive: true });
  const child = startChild({
    args: [script('upstream-server.ts'), String(tags), logFolder],
    logFile: join(folder, 'upstream.err'),
    announcesOn: 'stdout',
  });
  const [, registry = '', log = ''] = await child.waitFor(/registry (\S+) log (\S+)\n/);
  return {
    child,
    registry,
    counts: async () => (await (await fetch(`http://${log}/counts`)).json()) as Counts,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

export async function startBare(folder: string, registry: string, tags: number): Promise<Contender> {
  const now = Date.now();
  const authority = await makeAuthority({ lifetimeMs: HOUR_MS, now });
  const names = ['localhost', '127.0.0.1'];
  const { cert, key } = await issueLeaf({ authority, names, lifetimeMs: HOUR_MS, now });
  const pairFile = join(folder, 'bare.json');
  await writeFile(pairFile, JSON.stringify({ cert, key }));
  const child = startChild({
    args: [script('bare-server.ts'), pairFile, registry, String(tags)],
    logFile: join(folder, 'bare.err'),
    announcesOn: 'stdout',
  });
  const [, port] = await child.waitFor(/listening on (\d+)/);
  return contender('bare node:https', child, { port: Number(port), ca: authority.cert });
}

export interface ServeWish {
  readonly folder: string;
  readonly registry: string;
  readonly recheck: 'never' | 'always';
  /** More lines of the config file. */
  readonly config?: readonly string[];
  /** Flags for Node, for example `--cpu-prof`. */
  readonly nodeFlags: readonly string[];
}

/** The built program, one replica: it shares the data with all others of the folder. */
export async function startServe({
  folder,
  registry,
  recheck,
  nodeFlags,
  config: more = [],
}: ServeWish): Promise<Contender> {
  const config = join(folder, `${recheck}.yaml`);
  const hosts = JSON.stringify([registry]);
  await writeFile(
    config,
    [
      `dataDir: ${join(folder, 'data')}`,
      `registries: {allow: ${hosts}, plainHttp: ${hosts}}`,
      `policies: [{match: {images: ["**"]}, mode: enforce, recheck: ${recheck}}]`,
      'proxy: {enabled: false}',
      'admission: {listen: "127.0.0.1:0"}',
      'admin: {listen: "127.0.0.1:0"}',
      ...more,
    ].join('\n'),
  );
  const child = startChild({
    args: [...nodeFlags, PROGRAM, 'serve'],
    env: { ...cleanEnvironment(folder), TAGSEAL_CONFIG: config },
    logFile: join(folder, `${recheck}.log`),
    announcesOn: 'stderr',
  });
  const [, port] = await child.waitFor(/admission +https:\S+:(\d+)/);
  const ca = readFileSync(join(folder, 'data', 'admission-ca.pem'), 'utf8');
  return contender(`tagseal, recheck ${recheck}`, child, { port: Number(port), ca });
}

function contender(name: string, child: Child, target: Target): Contender {
  return { name, child, target, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
