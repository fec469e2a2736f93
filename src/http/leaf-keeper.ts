import { issueLeaf, type Authority, type CertificatePair, type Leaf } from './tls.ts';

export interface LeafKeeperParts {
  /** The CA that signs now. */
  readonly authority: (signal: AbortSignal) => Promise<Authority>;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly lifetimeMs: number;
  readonly clock: { now(): number };
}

/** Gives one leaf until two thirds of its life are over, or another CA signs: then a new one. */
export function makeLeafKeeper({
  authority,
  names,
  lifetimeMs,
  clock,
}: LeafKeeperParts): (signal: AbortSignal) => Promise<CertificatePair> {
  let kept: { readonly leaf: Leaf; readonly issuer: string; readonly renewAt: number } | undefined;

  return async function current(signal) {
    const signing = await authority(signal);
    const now = clock.now();
    if (kept !== undefined && kept.issuer === signing.cert && now < kept.renewAt) return kept.leaf;
    const leaf = await issueLeaf({ authority: signing, names, lifetimeMs, now });
    kept = { leaf, issuer: signing.cert, renewAt: now + ((leaf.notAfter - now) * 2) / 3 };
    return leaf;
  };
}
