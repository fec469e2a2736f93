import { runProcess } from '../../test/support/start-process.ts';
import { crane } from './parts.ts';

export interface PullResult {
  readonly mbPerSecond: number;
  /** What the first pull that failed, or brought too few bytes, said. */
  readonly fault?: string;
}

export interface Puller {
  readonly name: string;
  /** `base` is `host:port/repository`. */
  pull(base: string, image: Aim): Promise<string | undefined>;
}

interface Aim {
  readonly tag: string;
  readonly layer: string;
  readonly bytes: number;
}

/** A whole pull: manifest, config and layer, each compared with its digest. */
export const wholeImage: Puller = {
  name: 'crane pull',
  async pull(base, { tag }) {
    const { code, stderr } = await runProcess(crane(), ['pull', '--insecure', `${base}:${tag}`, '/dev/null']);
    return code === 0 ? undefined : stderr;
  },
};

/** The layer alone, thrown away: nothing is cheaper for a client, so nothing shows more of what the proxy costs. */
export const bareLayer: Puller = { name: 'curl', pull: (base, aim) => curl(base, aim) };

/** As on a line of so many megabits a second, shared by all. */
export function onLine(megabits: number, clients: number): Puller {
  const share = Math.floor((megabits * 1e6) / 8 / clients);
  return {
    name: `curl, ${(megabits / 1000).toFixed(1)} Gbit/s line`,
    pull: (base, aim) => curl(base, aim, '--limit-rate', String(share)),
  };
}

async function curl(base: string, aim: Aim, ...more: readonly string[]): Promise<string | undefined> {
  const at = base.indexOf('/');
  const url = `http://${base.slice(0, at)}/v2${base.slice(at)}/blobs/${aim.layer}`;
  const format = ['-sS', '-f', '-L', '-o', '/dev/null', '-w', '%{size_download}'];
  const { code, stdout, stderr } = await runProcess('curl', [...format, ...more, url]);
  if (code !== 0) return stderr;
  return Number(stdout) === aim.bytes ? undefined : `${stdout} bytes of ${aim.bytes}`;
}

/** So many pulls at once. */
export async function pullAtOnce(
  puller: Puller,
  clients: number,
  base: string,
  aim: Aim,
): Promise<PullResult> {
  const started = performance.now();
  const faults = await Promise.all(Array.from({ length: clients }, () => puller.pull(base, aim)));
  const seconds = (performance.now() - started) / 1000;
  const fault = faults.find((each) => each !== undefined);
  return { mbPerSecond: (clients * aim.bytes) / 1e6 / seconds, ...(fault !== undefined && { fault }) };
}
