import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pushImage } from '../../support/push-image.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { criPull } from '../stack/cri.ts';
import { goTool, onPath } from '../stack/install.ts';
import type { GoToolName } from '../stack/tools.ts';

/** One of its commands on a reference, or why it has none. */
export type Command = ((reference: string) => Promise<Finished>) | string;

export interface Client {
  readonly name: string;
  /** Of its repositories. */
  readonly project: string;
  /** Pulls whole, by plain HTTP, with the login if there is one and else without any. */
  readonly pull: (reference: string, login?: Login) => Promise<Finished>;
  /** What a refused pull prints. */
  readonly refusal: RegExp;
  /** Asks for the digest of a tag. */
  readonly head: Command;
  /** Reads, or takes the foreign part of, an index. */
  readonly index: Command;
  readonly referrers: Command;
  /** Pushes what `pull` has brought from this reference to another one. */
  readonly push: ((from: string, to: string) => Promise<Finished>) | string;
  /** What a refused push prints. */
  readonly pushRefusal: RegExp;
  /** What it does with a known tag while the registry is away. */
  readonly whileAway: Command;
  /** Pushes content that it can pull to a registry of plain HTTP. */
  readonly seed: (host: string, repository: string, text: string) => Promise<unknown>;
}

export interface Login {
  readonly name: string;
  readonly password: string;
}

export interface Daemons {
  /** A folder that is removed at the end. */
  readonly folder: string;
  /** Sockets of a containerd 1.6 and of a 2.x. */
  readonly containerd1: string;
  readonly containerd2: string;
  /** Value of DOCKER_HOST. */
  readonly docker: string;
}

export const TAG = '1.0.0';

const MISMATCH =
  /tag \\?"127\.0\.0\.1:\d+\/[a-z0-9]+\/app:1\.0\.0\\?" mismatch; got \\?"sha256:[0-9a-f]{64}\\?", want \\?"sha256:[0-9a-f]{64}/;
const REASON_IN_URL = /reason=tag-moved-want-sha256:[0-9a-f]{64}-got-sha256:[0-9a-f]{64}.*403:? Forbidden/s;
const NO_REFERRERS = 'it has no command for referrers';
const PULL_BEGINS_WITH_IT = 'no command of its own: each of its pulls begins with a HEAD';
const ONLY_GET = 'it never sends a HEAD for a tag';
const seedImage = (host: string, repository: string, text: string) =>
  pushImage({ registryUrl: `http://${host}`, repository, tag: TAG, text });

/** A file for each login, as `docker login` leaves it. */
async function dockerConfig(folder: string, reference: string, login?: Login): Promise<string> {
  const config = join(folder, login === undefined ? 'nobody' : login.name);
  await mkdir(config, { recursive: true });
  const host = reference.split('/')[0] ?? '';
  const auth = login === undefined ? undefined : btoa(`${login.name}:${login.password}`);
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: auth ? { [host]: { auth } } : {} }));
  return config;
}

export function allClients({ folder, containerd1, containerd2, docker }: Daemons): readonly Client[] {
  return [
    crane(folder),
    skopeo(folder),
    containersStorage('podman', folder),
    containersStorage('buildah', folder),
    dockerEngine(folder, docker),
    // its pusher closes the pipe of a refused body beside telling of the answer, and prints the one that it meets first
    {
      ...ctr('ctr 1.6', [onPath('ctr') ?? 'ctr'], containerd1, /403 Forbidden/),
      pushRefusal: /405 Method Not Allowed|read\/write on closed pipe/,
    },
    ctr('ctr 2.4', [goTool('ctr'), '--local'], containerd1, MISMATCH),
    cri('CRI, containerd 1.6', containerd1, /403 Forbidden/),
    cri('CRI, containerd 2.2', containerd2, REASON_IN_URL),
    oras(folder),
    helm('helm 3', 'helm3', folder),
    helm('helm 4', 'helm4', folder),
  ];
}

function named(name: string): Pick<Client, 'name' | 'project' | 'seed' | 'pushRefusal'> {
  const project = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return { name, project, seed: seedImage, pushRefusal: /UNSUPPORTED|405|operation is unsupported/i };
}

function crane(folder: string): Client {
  const run = (...args: readonly string[]) => runProcess(goTool('crane'), args);
  const digest = (reference: string) => run('digest', '--insecure', reference);
  return {
    ...named('crane'),
    async pull(reference, login) {
      const env = { DOCKER_CONFIG: await dockerConfig(folder, reference, login) };
      const args = ['pull', '--insecure', '--format', 'oci', reference, join(folder, `crane-${Date.now()}`)];
      return runProcess(goTool('crane'), args, { env });
    },
    refusal: MISMATCH,
    head: digest,
    index: (reference) => run('manifest', '--insecure', reference),
    referrers: NO_REFERRERS,
    push: (from, to) => run('copy', '--insecure', from, to),
    whileAway: digest,
    seed: seedImage,
  };
}

function skopeo(folder: string): Client {
  const run = (...args: readonly string[]) => runProcess(onPath('skopeo') ?? 'skopeo', args);
  const copy = (...args: readonly string[]) => run('--insecure-policy', 'copy', '--all', ...args);
  const inspect = (reference: string) =>
    run('inspect', '--raw', '--tls-verify=false', `docker://${reference}`);
  return {
    ...named('skopeo'),
    pull: (reference, login) =>
      copy(
        '--src-tls-verify=false',
        ...(login === undefined ? ['--src-no-creds'] : ['--src-creds', `${login.name}:${login.password}`]),
        `docker://${reference}`,
        `oci:${join(folder, 'skopeo')}:pulled`,
      ),
    refusal: MISMATCH,
    head: ONLY_GET,
    index: inspect,
    referrers: NO_REFERRERS,
    push: (from, to) =>
      copy('--src-tls-verify=false', '--dest-tls-verify=false', `docker://${from}`, `docker://${to}`),
    whileAway: inspect,
  };
}

/** podman and buildah, as root, with a store of their own. */
function containersStorage(name: 'podman' | 'buildah', folder: string): Client {
  const store = join(folder, name);
  const registries = join(folder, `${name}.conf`);
  async function run(reference: string, ...args: readonly string[]): Promise<Finished> {
    // its commands on manifests take plain HTTP from this file alone
    const location = reference.split('/')[0] ?? '';
    await writeFile(registries, `[[registry]]\nlocation = "${location}"\ninsecure = true\n`);
    const own = ['--root', join(store, 'root'), '--runroot', join(store, 'run'), '--storage-driver', 'vfs'];
    return runProcess(onPath(name) ?? name, [...own, ...args], {
      env: { CONTAINERS_REGISTRIES_CONF: registries },
    });
  }
  async function pull(reference: string, login?: Login, ...more: readonly string[]): Promise<Finished> {
    const config = await dockerConfig(folder, reference, login);
    // buildah is content with what it has
    const policy = name === 'buildah' ? ['--policy', 'always'] : [];
    return run(
      reference,
      ...['pull', '--tls-verify=false', '--authfile', join(config, 'config.json')],
      ...[...policy, ...more, reference],
    );
  }
  return {
    ...named(name),
    pull,
    refusal: MISMATCH,
    head: ONLY_GET,
    index: (reference) => pull(reference, undefined, '--arch', 'arm64'),
    referrers: NO_REFERRERS,
    async push(from, to) {
      const pulled = await pull(from);
      return pulled.code === 0 ? run(to, 'push', '--tls-verify=false', from, `docker://${to}`) : pulled;
    },
    whileAway:
      name === 'podman'
        ? (reference) => run(reference, 'manifest', 'inspect', reference)
        : 'each of its pulls fetches the config, and the proxy keeps no blobs',
  };
}

function dockerEngine(folder: string, host: string): Client {
  const run = async (reference: string, login: Login | undefined, ...args: readonly string[]) =>
    runProcess(
      onPath('docker') ?? 'docker',
      ['--config', await dockerConfig(folder, reference, login), ...args],
      { env: { DOCKER_HOST: host } },
    );
  const pull = (reference: string, login?: Login) => run(reference, login, 'pull', reference);
  return {
    ...named('docker 20.10'),
    pull,
    refusal: MISMATCH,
    head: PULL_BEGINS_WITH_IT,
    index: (reference) => run(reference, undefined, 'pull', '--platform', 'linux/arm64', reference),
    referrers: NO_REFERRERS,
    async push(from, to) {
      const pulled = await pull(from);
      if (pulled.code !== 0) return pulled;
      await run(to, undefined, 'tag', from, to);
      return run(to, undefined, 'push', to);
    },
    whileAway: pull,
  };
}

function ctr(
  name: string,
  [program = 'ctr', ...mode]: readonly string[],
  address: string,
  refusal: RegExp,
): Client {
  const images = (...args: readonly string[]) =>
    runProcess(program, ['--address', address, 'images', ...args]);
  const pull = (reference: string, ...more: readonly string[]) =>
    images('pull', '--plain-http', '--snapshotter', 'native', ...mode, ...more, reference);
  const whole = (reference: string) => pull(reference, '--all-platforms');
  return {
    ...named(name),
    pull: (reference, login) =>
      pull(
        reference,
        '--all-platforms',
        ...(login === undefined ? [] : ['--user', `${login.name}:${login.password}`]),
      ),
    refusal,
    head: PULL_BEGINS_WITH_IT,
    index: (reference) => pull(reference, '--platform', 'linux/arm64'),
    referrers: NO_REFERRERS,
    async push(from, to) {
      const pulled = await whole(from);
      return pulled.code === 0 ? images('push', '--plain-http', ...mode, to, from) : pulled;
    },
    whileAway: whole,
  };
}

function cri(name: string, socket: string, refusal: RegExp): Client {
  return {
    ...named(name),
    pull: (reference, login) => criPull(socket, reference, login),
    refusal,
    head: PULL_BEGINS_WITH_IT,
    index: 'a kubelet cannot choose: each pull takes the entry of its node from an index',
    referrers: NO_REFERRERS,
    push: 'a kubelet never pushes',
    whileAway: (reference) => criPull(socket, reference),
  };
}

function oras(folder: string): Client {
  const run = (...args: readonly string[]) => runProcess(goTool('oras'), args, { cwd: folder });
  const login = (who?: Login) =>
    who === undefined ? [] : ['--username', who.name, '--password', who.password];
  const resolve = (reference: string) => run('resolve', '--plain-http', reference);
  return {
    ...named('oras'),
    async pull(reference, who) {
      const env = { DOCKER_CONFIG: await dockerConfig(folder, reference) };
      const to = ['--to-oci-layout', join(folder, `oras-${Date.now()}`)];
      const args = ['copy', '--from-plain-http', ...login(who).map(from), reference, ...to];
      return runProcess(goTool('oras'), args, { env });
    },
    refusal: REASON_IN_URL,
    head: resolve,
    index: (reference) => run('manifest', 'fetch', '--plain-http', reference),
    referrers: (reference) => run('discover', '--plain-http', '--format', 'json', reference),
    push: (from_, to) => run('copy', '--from-plain-http', '--to-plain-http', from_, to),
    whileAway: resolve,
  };
}

/** Flags of the source of a copy. */
function from(argument: string): string {
  return argument.replace(/^--(username|password)$/, '--from-$1');
}

function helm(name: string, tool: GoToolName, folder: string): Client {
  const home = join(folder, tool);
  const env = { HELM_CONFIG_HOME: home, HELM_CACHE_HOME: home, HELM_DATA_HOME: home };
  const run = (...args: readonly string[]) => runProcess(goTool(tool), args, { env });
  const chart = (reference: string) => {
    const [, image = '', digest] = /^(.+?)(?::[^:/]+|(@.+))$/.exec(reference) ?? [];
    return digest === undefined ? [`oci://${image}`, '--version', TAG] : [`oci://${image}${digest}`];
  };
  const pull = (reference: string, login?: Login) =>
    run(
      ...['pull', '--plain-http', '--destination', home, ...chart(reference)],
      ...(login === undefined ? [] : ['--username', login.name, '--password', login.password]),
    );
  async function pack(text: string): Promise<string> {
    const source = join(home, 'app');
    await mkdir(source, { recursive: true });
    const lines = ['apiVersion: v2', 'name: app', `version: ${TAG}`, `description: ${text}`];
    await writeFile(join(source, 'Chart.yaml'), lines.join('\n'));
    await run('package', source, '--destination', home);
    return join(home, `app-${TAG}.tgz`);
  }
  const push = async (file: string, to: string) =>
    run('push', '--plain-http', file, `oci://${to.slice(0, to.lastIndexOf('/'))}`);
  return {
    ...named(name),
    pull,
    refusal: MISMATCH,
    head: ONLY_GET,
    index: 'a chart is one manifest',
    referrers: NO_REFERRERS,
    push: async (_from, to) => push(await pack('pushed'), to),
    whileAway: 'all its commands fetch the chart, and the proxy keeps no blobs',
    seed: async (host, repository, text) => {
      const pushed = await push(await pack(text), `${host}/${repository}`);
      if (pushed.code !== 0) throw new Error(pushed.stderr);
    },
  };
}
