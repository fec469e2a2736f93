import { toAppError } from '../errors/app-error.ts';
import type { SystemClock } from '../observe/clock.ts';
import { makeTail, type Tail, type TailParts, type TailState } from './tail.ts';
import type { Lease } from './tail-lease.ts';
import type { TailSnapshots } from './tail-snapshot.ts';

export interface SharedTailParts extends Omit<TailParts, 'shared'> {
  readonly snapshots: TailSnapshots;
  /** Absent for a process that never follows the log for others, such as a command. */
  readonly lease?: Lease;
  readonly clock: Pick<SystemClock, 'monotonicMs'>;
}

export interface SharedTail {
  readonly tail: Tail;
  /** One turn of the background work, every few seconds: lead and read on, or take over what the leader has saved. */
  turn(signal: AbortSignal): Promise<void>;
  /** Whether it is up to this process to do what one of them must do for all, such as the audit. */
  leads(): boolean;
  /** Saves what is not saved yet and gives the lease up; an error is logged. */
  close(signal: AbortSignal): Promise<void>;
}

/** Between two saves while reading, whichever comes first. */
const SAVE_MS = 5_000;
const SAVE_LEAVES = 20_000;

/** A tail that goes on where it, or another process, has stopped; one process reads for all. */
export function makeSharedTail(parts: SharedTailParts): SharedTail {
  const { snapshots, lease, clock, logger, origin } = parts;
  let saved = { at: clock.monotonicMs(), size: 0, verified: 0 };

  async function renew(signal: AbortSignal): Promise<void> {
    await lease?.renew(signal);
  }

  /** What cannot be saved must be read once more by the next process, and is no reason to fail. */
  async function keep(state: TailState, signal: AbortSignal): Promise<void> {
    try {
      saved = { at: clock.monotonicMs(), ...sizesOf(state) };
      if (lease?.holds() === true) await renew(signal);
      await snapshots.save(state, signal);
    } catch (error) {
      const { code, message } = toAppError(error);
      if (code === 'LOG_FORKED') throw error;
      if (!signal.aborted) logger.warn('log.tailUnsaved', { origin, code }, message);
    }
  }

  function isDue({ read }: TailState): boolean {
    return read.size - saved.size >= SAVE_LEAVES || clock.monotonicMs() - saved.at >= SAVE_MS;
  }

  /** A head that proves what was read and saved before is worth a save, too: a log that has ended brings no more leaves. */
  function isAhead(state: TailState): boolean {
    const { size, verified } = sizesOf(state);
    return size > saved.size || verified > saved.verified;
  }

  const tail = makeTail({
    ...parts,
    shared: {
      leads: () => lease?.holds() ?? false,
      async load(known, signal) {
        const found = await snapshots.load(known, signal);
        if (found !== undefined) saved = { ...saved, ...sizesOf(found) };
        return found;
      },
      async save(state, signal) {
        if (isDue(state) && isAhead(state)) await keep(state, signal);
      },
    },
  });

  return {
    tail,
    leads: () => lease?.holds() ?? false,
    async turn(signal) {
      await renew(signal);
      await tail.follow(signal);
    },
    async close(signal) {
      try {
        const state = tail.state();
        if (isAhead(state) && tail.fork() === undefined) await keep(state, signal);
        await lease?.release(signal);
      } catch (error) {
        const { code, message } = toAppError(error);
        logger.warn('log.tailUnsaved', { origin, code }, message);
      }
    },
  };
}

function sizesOf({ read, verified }: TailState): { readonly size: number; readonly verified: number } {
  return { size: read.size, verified: verified.range.size };
}
