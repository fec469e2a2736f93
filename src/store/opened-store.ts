import type { GenerationFollower, RecordStore, StateStore } from '../protocol/ports.ts';

/** A store of either kind, ready. */
export interface OpenedStore {
  readonly store: RecordStore;
  readonly state: StateStore;
  /** What other processes write, too. */
  readonly follower: GenerationFollower;
  /** Waits for the calls that are under way. */
  readonly close: () => Promise<void>;
}
