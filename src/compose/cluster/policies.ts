import type { KubeObject } from '../../kube/api.ts';
import { MAX_PROBLEM_LENGTH, policyStatus, type PolicyState } from '../../kube/policy-object.ts';
import { TAG_POLICIES } from '../../kube/resources.ts';
import { makeWatchCache } from '../../kube/watch-cache.ts';
import { mergePolicies, type RefusedPolicy } from '../../policy/merge-policies.ts';
import type { Policy } from '../../policy/policy.ts';
import { compilePolicy, type CompiledPolicy } from '../../policy/rule-for.ts';
import type { ClusterParts } from './cluster.ts';

export interface ClusterPolicies {
  /** TagPolicies before the config's rules; the latter alone until `synced`. */
  readonly current: () => CompiledPolicy;
  readonly synced: Promise<void>;
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Reads them once, for a command. Throws KUBERNETES_*. */
  readonly load: (signal: AbortSignal) => Promise<void>;
  /** What each TagPolicy should say of itself, and does not yet. */
  readonly toTell: () => readonly PolicyState[];
}

/** More than count. */
const MAX_POLICIES = 500;

interface Heard {
  readonly name: string;
  readonly spec: unknown;
  readonly generation: number;
  /** As the object's own status has it. */
  readonly told: PolicyState | undefined;
}

/** Follows the TagPolicies. One that is broken does not count, and is told why in its status and in the log. */
export function followPolicies({ cluster, logger, random }: ClusterParts, config: Policy): ClusterPolicies {
  let compiled = compilePolicy(config);
  let refused: readonly RefusedPolicy[] = [];
  const cache = makeWatchCache<Heard>({
    api: cluster.api,
    resource: TAG_POLICIES,
    transform: heardOf,
    onChange: () => compile(cache.values()),
    logger,
    random,
  });

  function compile(heard: Iterable<Heard>): void {
    const merged = mergePolicies([...heard], config);
    compiled = compilePolicy(merged.policy);
    for (const { name, error } of merged.refused) {
      const isNew = !refused.some((old) => old.name === name && old.error.message === error.message);
      if (isNew) logger.error('policy.refused', { policy: name, code: error.code }, error.message);
    }
    refused = merged.refused;
  }

  return {
    current: () => compiled,
    synced: cache.synced,
    run: cache.run,
    async load(signal) {
      const page = await cluster.api.listPage(TAG_POLICIES, { limit: MAX_POLICIES }, signal);
      compile(page === 'expired' ? [] : page.items.map(heardOf));
    },
    toTell: () =>
      [...cache.values()]
        .map(({ name, generation, told }) => {
          const problem = refused
            .find((each) => each.name === name)
            ?.error.message.slice(0, MAX_PROBLEM_LENGTH);
          const state = { name, generation, ...(problem !== undefined && { problem }) };
          return { state, told };
        })
        .filter(({ state, told }) => !isTold(state, told))
        .map(({ state }) => state),
  };
}

function heardOf(object: KubeObject): Heard {
  const { name, generation = 0 } = object.metadata;
  return { name, spec: object['spec'], generation, told: policyStatus(object) };
}

function isTold(state: PolicyState, told: PolicyState | undefined): boolean {
  return told?.generation === state.generation && told.problem === state.problem;
}
