import type { Resolved, Resolver } from '../check/ports.ts';
import type { TagReference } from '../reference/reference.ts';
import type { ManifestClient, ManifestTarget } from './client.ts';
import type { Credential } from './credential.ts';
import type { ManifestCache } from './manifest-cache.ts';
import { withAccess } from './with-access.ts';

export interface ResolverOptions {
  readonly client: ManifestClient;
  /** Keeps what a first sight has fetched for the pull by digest that follows it. */
  readonly manifests: ManifestCache;
}

/** Resolves tags at their registry, each call anew. */
export function makeResolver({ client, manifests }: ResolverOptions): Resolver {
  async function get(target: ManifestTarget, signal: AbortSignal): Promise<Resolved> {
    const manifest = await client.get(target, signal);
    // what somebody's pull secret shows is not kept for others
    if (target.credential === undefined) manifests.put(target.registry, target.repository, manifest);
    return { digest: manifest.digest, hashed: true };
  }

  async function head(target: ManifestTarget, signal: AbortSignal): Promise<Resolved> {
    const digest = await client.head(target, signal);
    return digest === undefined ? await get(target, signal) : { digest, hashed: false };
  }

  return {
    fetch: (reference, signal, access) =>
      withAccess({ reference, signal, access }, (credential) => get(targetOf(reference, credential), signal)),
    recheck: (reference, signal, _maxAgeMs, access) =>
      withAccess({ reference, signal, access }, (credential) =>
        head(targetOf(reference, credential), signal),
      ),
  };
}

function targetOf({ registry, repository, tag }: TagReference, credential?: Credential): ManifestTarget {
  return { registry, repository, reference: tag, ...(credential && { credential }) };
}
