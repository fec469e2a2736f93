import type { Resolved, Resolver } from '../check/ports.ts';
import type { TagReference } from '../reference/reference.ts';
import type { ManifestClient, ManifestTarget } from './client.ts';
import type { ManifestCache } from './manifest-cache.ts';

export interface ResolverOptions {
  readonly client: ManifestClient;
  /** Keeps what a first sight has fetched for the pull by digest that follows it. */
  readonly manifests: ManifestCache;
}

/** Resolves tags at their registry, each call anew. */
export function makeResolver({ client, manifests }: ResolverOptions): Resolver {
  async function fetch(reference: TagReference, signal: AbortSignal): Promise<Resolved> {
    const manifest = await client.get(targetOf(reference), signal);
    manifests.put(reference.registry, reference.repository, manifest);
    return { digest: manifest.digest, hashed: true };
  }

  return {
    fetch,
    async recheck(reference, signal) {
      const digest = await client.head(targetOf(reference), signal);
      return digest === undefined ? await fetch(reference, signal) : { digest, hashed: false };
    },
  };
}

function targetOf({ registry, repository, tag }: TagReference): ManifestTarget {
  return { registry, repository, reference: tag };
}
