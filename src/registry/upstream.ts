import { makeSingleFlight } from '../cache/single-flight.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import type { BlobClient } from './blob-client.ts';
import type { ManifestClient, ManifestTarget } from './client.ts';
import type { ListingClient } from './listing-client.ts';
import type { DigestTarget, ManifestCache } from './manifest-cache.ts';
import type { Manifest } from './manifest.ts';
import { deadlineExceeded } from './send-error.ts';

export interface ManifestHead {
  /** Bytes. */
  readonly size: number;
  readonly mediaType: string;
  readonly digest: Digest;
}

/** Content by digest and lists, for the pull proxy. Throws REGISTRY_*, *_UNKNOWN, DIGEST_MISMATCH, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED. */
export interface Upstream {
  /** The bytes have the digest. */
  manifest(target: DigestTarget, signal: AbortSignal): Promise<Manifest>;
  /** Of bytes that were hashed, too: the GET that follows a HEAD is then served from memory. */
  headManifest(target: DigestTarget, signal: AbortSignal): Promise<ManifestHead>;
  readonly blob: BlobClient;
  /** Resolves when the registry shows the manifest, by tag or digest, to this credential; asks it in any case. */
  mayPull(target: ManifestTarget, signal: AbortSignal): Promise<void>;
  readonly tags: ListingClient['tags'];
  readonly referrers: ListingClient['referrers'];
}

export interface UpstreamOptions {
  readonly client: ManifestClient;
  readonly manifests: ManifestCache;
  readonly blob: BlobClient;
  readonly listings: ListingClient;
}

export function makeUpstream({ client, manifests, blob, listings }: UpstreamOptions): Upstream {
  const flights = makeSingleFlight<Manifest>();

  async function read(
    { registry, repository, digest, credential }: DigestTarget,
    signal: AbortSignal,
  ): Promise<Manifest> {
    const asked = { registry, repository, reference: digest, ...(credential && { credential }) };
    const found = await client.get(asked, signal);
    manifests.put(registry, repository, found);
    return found;
  }

  async function manifest(target: DigestTarget, signal: AbortSignal): Promise<Manifest> {
    const known = manifests.get(target);
    if (known !== undefined) return known;
    const key = `${target.registry}/${target.repository}@${target.digest}`;
    try {
      return await flights.run(key, (shared) => read(target, shared), signal);
    } catch (error) {
      if (signal.aborted) throw deadlineExceeded(`cannot resolve ${quote(key)}`, error);
      throw error;
    }
  }

  return {
    manifest,
    blob,
    async mayPull(target, signal) {
      if ((await client.head(target, signal)) === undefined) await client.get(target, signal);
    },
    tags: (target, signal) => listings.tags(target, signal),
    referrers: (target, signal) => listings.referrers(target, signal),
    async headManifest(target, signal) {
      const { bytes, mediaType, digest } = await manifest(target, signal);
      return { size: bytes.byteLength, mediaType, digest };
    },
  };
}
