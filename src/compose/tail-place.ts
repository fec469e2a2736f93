import type { TailSnapshotParts } from '../protocol/tail-snapshot.ts';
import type { SignerTrust } from '../rekor/accepted-signers.ts';
import type { LogTrust } from '../rekor/trusted-root.ts';

/** Which log is read for whose entries: what is kept of a tail belongs to both. */
export function tailPlace(
  { origin, spki }: LogTrust,
  { keys, identities }: Pick<SignerTrust, 'keys' | 'identities'>,
): Pick<TailSnapshotParts, 'log' | 'watched'> {
  return {
    log: { origin, spki: Buffer.from(spki, 'base64') },
    watched: [...keys, ...identities.map(({ san, issuer }) => `${san} ${issuer}`)],
  };
}
