import type { VerifiedRecord } from '../check/ports.ts';

/** What one try, shared by all askers of a tag in this process, came to. */
export interface Attempt {
  readonly created: boolean;
  readonly reserved: VerifiedRecord;
  /** Settles when the log holds both statements and the bundles are saved. */
  readonly published: Promise<VerifiedRecord>;
}

export interface Attempts {
  /** The attempt under `key`, which is begun if there is none; it stays until it is published, so that late askers join. */
  join(
    key: string,
    begin: () => Promise<Attempt>,
  ): { readonly joined: boolean; readonly work: Promise<Attempt> };
}

export function makeAttempts(): Attempts {
  const attempts = new Map<string, Promise<Attempt>>();
  return {
    join(key, begin) {
      const running = attempts.get(key);
      if (running !== undefined) return { joined: true, work: running };
      const work = begin();
      attempts.set(key, work);
      const forget = () => attempts.delete(key);
      void work.then(({ published }) => published.then(forget, forget), forget);
      return { joined: false, work };
    },
  };
}
