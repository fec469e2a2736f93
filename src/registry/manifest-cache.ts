import { LRUCache } from 'lru-cache';
import type { Digest } from '../reference/digest.ts';
import type { Credential } from './credential.ts';
import type { Manifest } from './manifest.ts';

/** Where a manifest was read, by digest. */
export interface DigestTarget {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
  /** Shown instead of our own. */
  readonly credential?: Credential;
}

/**
 * Manifests that were hashed here, in memory. A digest means the same bytes for ever, so they never grow stale; the
 * repository is part of the key because a registry may show the manifest in one repository and not in another.
 */
export interface ManifestCache {
  get(target: DigestTarget): Manifest | undefined;
  put(registry: string, repository: string, manifest: Manifest): void;
}

const DEFAULT_BYTES = 64 * 1024 * 1024;
/** Keys and objects around the bytes, roughly. */
const OVERHEAD_BYTES = 512;

export function makeManifestCache(maxBytes: number = DEFAULT_BYTES): ManifestCache {
  const manifests = new LRUCache<string, Manifest>({
    maxSize: maxBytes,
    sizeCalculation: ({ bytes }) => bytes.byteLength + OVERHEAD_BYTES,
  });
  return {
    get: ({ registry, repository, digest }) => manifests.get(keyOf(registry, repository, digest)),
    put: (registry, repository, manifest) =>
      void manifests.set(keyOf(registry, repository, manifest.digest), manifest),
  };
}

function keyOf(registry: string, repository: string, digest: Digest): string {
  return `${registry}/${repository}@${digest}`;
}
