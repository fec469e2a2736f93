import { makeTokenBuckets } from '../http/token-buckets.ts';

/** How many tags each client may have recorded in a minute. */
export interface NewTags {
  /** 0, or the seconds after which one may be recorded again. Whoever got 0 says with `done` what came of it. */
  take(client: string, tag: string): number;
  /** A tag that turned out to be known costs nothing. */
  done(client: string, tag: string, isNew: boolean): void;
}

export interface NewTagsOptions {
  /** 0: no limit. */
  readonly perMinute: number;
  readonly clock: { monotonicMs(): number };
}

interface Held {
  askers: number;
  isNew: boolean;
}

/** A tag counts once, however many of a client's machines ask for it at the same time: behind one address stands a cluster. */
export function makeNewTags(options: NewTagsOptions): NewTags {
  const buckets = makeTokenBuckets(options);
  const inFlight = new Map<string, Held>();

  return {
    take(client, tag) {
      const held = inFlight.get(keyOf(client, tag));
      if (held !== undefined) {
        held.askers += 1;
        return 0;
      }
      const wait = buckets.take(client);
      if (wait === 0) inFlight.set(keyOf(client, tag), { askers: 1, isNew: false });
      return wait;
    },
    done(client, tag, isNew) {
      const held = inFlight.get(keyOf(client, tag));
      if (held === undefined) return;
      held.askers -= 1;
      held.isNew ||= isNew;
      if (held.askers > 0) return;
      inFlight.delete(keyOf(client, tag));
      if (!held.isNew) buckets.giveBack(client);
    },
  };
}

const keyOf = (client: string, tag: string) => `${client} ${tag}`;
