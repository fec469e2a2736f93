import { readFile, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, startProcess, type Finished, type RunningProcess } from './start-process.ts';

export const PROGRAM = fileURLToPath(new URL('../../dist/tagseal.cjs', import.meta.url));

export interface ServeSettings {
  /** Holds config and data; two servers on one folder share them. */
  readonly folder: string;
  /** Registries that are allowed and spoken to by plain HTTP. */
  readonly registries: readonly string[];
  /** More lines of the config file. */
  readonly config?: readonly string[];
  /** More of the section `proxy`. */
  readonly proxy?: Readonly<Record<string, unknown>>;
  /** Runs this script instead of the built program. */
  readonly program?: string;
  /** Command and arguments that run what follows them, for example with fewer rights. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Served extends AsyncDisposable {
  readonly process: RunningProcess;
  readonly proxy: string;
  readonly webhook: string;
  readonly admin: string;
  /** PEM of the CA behind the webhook's certificate. */
  readonly ca: string;
}

/** Environment without a setting of the person who runs the tests. */
export function cleanEnvironment(folder: string): Record<string, string | undefined> {
  const own = Object.keys(process.env).filter((name) => name.startsWith('TAGSEAL_'));
  return {
    ...Object.fromEntries(own.map((name) => [name, undefined])),
    TAGSEAL_CONFIG: join(folder, 'tagseal.yaml'),
    HOME: folder,
    NO_COLOR: '1',
  };
}

export async function writeConfig({
  folder,
  registries,
  config = [],
  proxy = {},
}: ServeSettings): Promise<void> {
  const hosts = JSON.stringify(registries);
  const lines = [
    `dataDir: ${join(folder, 'data')}`,
    `registries: {allow: ${hosts}, plainHttp: ${hosts}}`,
    `proxy: ${JSON.stringify({ listen: '127.0.0.1:0', ...proxy })}`,
    'admission: {listen: "127.0.0.1:0"}',
    'admin: {listen: "127.0.0.1:0"}',
    ...config,
  ];
  await writeFile(join(folder, 'tagseal.yaml'), `${lines.join('\n')}\n`);
}

/** `tagseal serve` as a process of its own, once all its doors listen. */
export async function startServe(settings: ServeSettings): Promise<Served> {
  await writeConfig(settings);
  const program = [process.execPath, settings.program ?? PROGRAM, 'serve'];
  const [command = '', ...args] = [...(settings.under ?? []), ...program];
  const running = startProcess(command, args, {
    env: { ...cleanEnvironment(settings.folder), ...settings.env },
  });
  const urlOf = async (door: string) =>
    (await running.waitFor(new RegExp(`${door} +(https?://\\S+)`)))[1] ?? '';
  const [admin, proxy, webhook] = [await urlOf('admin'), await urlOf('proxy'), await urlOf('admission')];
  return {
    process: running,
    admin,
    proxy,
    webhook,
    ca: await readFile(join(settings.folder, 'data', 'admission-ca.pem'), 'utf8'),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

const COMMAND_TIMEOUT_MS = 15_000;

export interface CommandOptions extends Pick<ServeSettings, 'env' | 'under'> {
  readonly timeoutMs?: number;
}

/** One CLI command on the data of `folder`. */
export function tagseal(folder: string, ...args: readonly string[]): Promise<Finished> {
  return runTagseal(folder, args);
}

/** As `tagseal`, with more environment, under another command, or for longer. */
export function runTagseal(
  folder: string,
  args: readonly string[],
  { env = {}, under = [], timeoutMs = COMMAND_TIMEOUT_MS }: CommandOptions = {},
): Promise<Finished> {
  const [command = '', ...rest] = [...under, process.execPath, PROGRAM, ...args];
  return runProcess(command, rest, {
    env: { ...cleanEnvironment(folder), ...env },
    cwd: folder,
    timeoutMs,
  });
}

export function podReview(images: readonly string[], change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'shop',
      name: 'app',
      userInfo: {},
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'app', namespace: 'shop' },
        spec: { containers: images.map((image, i) => ({ name: `c${i}`, image })) },
      },
      oldObject: null,
      dryRun: false,
      ...change,
    },
  });
}

export interface ReviewAnswer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patch?: string;
  readonly warnings?: readonly string[];
  readonly status?: { readonly code: number; readonly message: string };
}

/** Posts a review to `/mutate`, `/validate` or `/warn` of a running webhook. */
export async function review(
  { webhook, ca }: Pick<Served, 'webhook' | 'ca'>,
  body: string,
  door = 'mutate',
): Promise<ReviewAnswer> {
  const text = await new Promise<string>((resolve, reject) => {
    const call = httpsRequest(`${webhook}/${door}?timeout=10s`, {
      method: 'POST',
      ca,
      headers: { 'content-type': 'application/json' },
    });
    call.on('error', reject).on('response', (answer) => {
      let received = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      answer.on('end', () => {
        resolve(received);
      });
    });
    call.end(body);
  });
  return (JSON.parse(text) as { response: ReviewAnswer }).response;
}

/** The path of a manifest of a registry with a port, at the proxy. */
export function pullPath(registry: string, rest: string): string {
  return `/v2/${registry.replace(':', '_')}/${rest}`;
}

/** The proxy's URL of a manifest in a registry with a port. */
export function proxied(proxy: string, registry: string, rest: string): string {
  return `${proxy}${pullPath(registry, rest)}`;
}
