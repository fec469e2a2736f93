import type { Logger } from '../observe/log.ts';
import type { GenerationFollower } from '../protocol/ports.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { makeListWatch } from './list-watch.ts';
import { TAG_RECORDS } from './resources.ts';

export interface FollowerParts {
  readonly api: KubeApi;
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
}

interface Newer {
  readonly claimId: string;
  readonly generation: number;
}

/** Watches the records above generation 0, which are few, by a field that nobody can change. */
export function makeGenerationFollower({ api, logger, random }: FollowerParts): GenerationFollower {
  return {
    async follow(onChange, signal) {
      const tell = ({ claimId, generation }: Newer) => {
        if (!signal.aborted) onChange(claimId, generation);
      };
      await makeListWatch<Newer>({
        api,
        resource: TAG_RECORDS,
        options: { fieldSelector: 'spec.generation!=0' },
        transform: newerOf,
        logger,
        random,
        onReplace: (all) => [...all.values()].forEach(tell),
        onUpsert: (_key, newer) => tell(newer),
        onDelete: () => undefined,
      }).run(signal);
    },
  };
}

function newerOf({ ['spec']: spec }: KubeObject): Newer | undefined {
  if (typeof spec !== 'object' || spec === null || !('claimId' in spec && 'generation' in spec))
    return undefined;
  const { claimId, generation } = spec;
  const isWhole = typeof claimId === 'string' && typeof generation === 'number' && generation > 0;
  return isWhole ? { claimId, generation } : undefined;
}
