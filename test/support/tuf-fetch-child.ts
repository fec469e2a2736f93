// Fetches by TUF into caches that other processes make at the same time; prints each answer, and ends by itself.
import { join } from 'node:path';
import { makeTufTrust } from '../../src/rekor/tuf-trust.ts';

const ROUNDS = 4;
const [, , url = '', rootFile = '', folder = ''] = process.argv;

for (let i = 0; i < ROUNDS; i += 1) {
  const cacheFolder = join(folder, String(i));
  const trust = makeTufTrust({ url, rootFile, cacheFolder, onStale: () => undefined });
  process.stdout.write(`${Buffer.from(await trust.trustedRoot()).toString()}\n`);
}
