import { join } from 'node:path';
import { readLogTrust } from '../trust.ts';
import type { LogTrust } from '../trusted-root.ts';

/** Trust in the embedded log of `dir` without opening it. Throws TRUST_ROOT_INVALID. */
export async function readEmbeddedTrust(dir: string): Promise<LogTrust> {
  const trustedRootFile = join(dir, 'trusted_root.json');
  const [trust] = await readLogTrust({ kind: 'rekor-v2', url: 'http://embedded', trustedRootFile });
  return { ...trust, kind: 'embedded' };
}
