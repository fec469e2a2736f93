import { makeRegistry } from '../../src/registry/make-registry.ts';
import type { Registry, RegistryOptions } from '../../src/registry/make-registry.ts';
import { isTagReference, parseReference } from '../../src/reference/parse-reference.ts';
import type { TagReference } from '../../src/reference/reference.ts';
import { makeManualClock } from './manual-clock.ts';
import type { ManualClock } from './manual-clock.ts';

export interface TestRegistry extends Registry {
  readonly clock: ManualClock;
}

/** The adapter for registries at loopback addresses, by http, with short waits and its own clock. */
export function makeTestRegistry(
  hosts: readonly string[],
  options: Partial<RegistryOptions> = {},
): TestRegistry {
  const clock = makeManualClock();
  const registry = makeRegistry({
    clock,
    namedHosts: new Set(hosts),
    plainHttp: new Set(hosts),
    allowPrivate: false,
    ...options,
    limits: { retryDelay: 1, ...options.limits },
  });
  return { ...registry, clock };
}

/** A reference that names a tag. */
export function tagReference(text: string): TagReference {
  const reference = parseReference(text);
  if (!isTagReference(reference)) throw new Error(`${text} has no tag`);
  return reference;
}
