import type { SystemClock } from '../observe/clock.ts';

/** Numbers for metrics. */
export interface TailObservation {
  readonly origin: string;
  /** Size of the newest signed tree. */
  readonly treeSize: number;
  /** Leaves read and verified. */
  readonly position: number;
  /** Leaves that may be ours among them. */
  readonly ownLeaves: number;
  /** Since the position was last the log's end; 0 when it is now. */
  readonly secondsBehind: number;
  /** Leaves that this process has read, ever, and the time that it took. */
  readonly leavesRead: number;
  readonly secondsReading: number;
}

export interface TailWatch {
  readonly clock: Pick<SystemClock, 'monotonicMs'>;
  readonly observe: (seen: TailObservation) => void;
}

/** Where a tail is. */
export type TailPlace = Pick<TailObservation, 'origin' | 'treeSize' | 'position' | 'ownLeaves'>;

export interface TailMeter {
  started(): void;
  read(leaves: number): void;
  tell(place: TailPlace): void;
}

/** Measures a tail for who watches it; does nothing where nobody does. */
export function makeTailMeter(watch: TailWatch | undefined): TailMeter {
  if (watch === undefined) return { started() {}, read() {}, tell() {} };
  const { clock, observe } = watch;
  let caughtUpAt = clock.monotonicMs();
  let lastAt = caughtUpAt;
  let leavesRead = 0;
  let msReading = 0;
  return {
    started() {
      lastAt = clock.monotonicMs();
    },
    read(leaves) {
      const now = clock.monotonicMs();
      msReading += now - lastAt;
      lastAt = now;
      leavesRead += leaves;
    },
    tell(place) {
      const now = clock.monotonicMs();
      if (place.position >= place.treeSize) caughtUpAt = now;
      const secondsBehind = (now - caughtUpAt) / 1_000;
      observe({ ...place, secondsBehind, leavesRead, secondsReading: msReading / 1_000 });
    },
  };
}
