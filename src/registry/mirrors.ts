import { makeTtlCache } from '../cache/ttl-cache.ts';
import { AppError } from '../errors/app-error.ts';
import type { Clock } from '../protocol/ports.ts';

/** Where a registry's content is found as well. */
export interface Mirror {
  readonly registry: string;
  /** Stands before the repository there: empty, or `hub/`. */
  readonly prefix: string;
}

/** By canonical registry, in the order in which they are tried. */
export type Mirrors = ReadonlyMap<string, readonly Mirror[]>;

export interface Place {
  readonly registry: string;
  readonly repository: string;
}

export interface MirrorChoice {
  /** The mirrors that are worth a try now. */
  placesOf(place: Place): readonly Place[];
  /** Whether the origin is to be asked after this failure; a mirror that is down is left alone for a while. */
  giveUp(place: Place, error: unknown): boolean;
}

const REST_MS = 30_000;
const MAX_MIRRORS = 256;

export function makeMirrorChoice(mirrors: Mirrors, clock: Clock): MirrorChoice {
  const resting = makeTtlCache<true>({ max: MAX_MIRRORS, now: () => clock.now() });
  return {
    placesOf({ registry, repository }) {
      return (mirrors.get(registry) ?? [])
        .filter((mirror) => resting.get(mirror.registry) === undefined)
        .map((mirror) => ({ registry: mirror.registry, repository: mirror.prefix + repository }));
    },
    giveUp({ registry }, error) {
      // a deadline is the asker's, and what is no error of ours is a defect
      if (!(error instanceof AppError) || error.code === 'DEADLINE_EXCEEDED') return false;
      if (error.code === 'REGISTRY_UNAVAILABLE' || error.code === 'REGISTRY_RATE_LIMITED') {
        resting.set(registry, true, REST_MS);
      }
      return true;
    },
  };
}
