import { Client } from 'undici';

export interface ManifestAim {
  readonly origin: string;
  readonly path: string;
}

const ACCEPT = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';

/** Pulls each aim's manifest in turn, `times` times, on one kept connection each. Resolves with all times in ms. */
export async function timeManifests(
  aims: readonly ManifestAim[],
  times: number,
): Promise<readonly (readonly number[])[]> {
  const lanes = aims.map(({ origin, path }) => ({ client: new Client(origin), path, took: [] as number[] }));
  try {
    for (let time = 0; time < times; time += 1) {
      for (const { client, path, took } of lanes) took.push(await timeOne(client, path));
    }
  } finally {
    await Promise.all(lanes.map(({ client }) => client.close()));
  }
  return lanes.map(({ took }) => took);
}

async function timeOne(client: Client, path: string): Promise<number> {
  const started = performance.now();
  const { statusCode, body } = await client.request({ method: 'GET', path, headers: { accept: ACCEPT } });
  await body.arrayBuffer();
  if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode}`);
  return performance.now() - started;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
