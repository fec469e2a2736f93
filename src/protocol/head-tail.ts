import { AppError } from '../errors/app-error.ts';
import { orAborted } from './or-aborted.ts';
import type { LogHead } from './ports.ts';
import type { Tail } from './tail.ts';

export interface HeadTailParts {
  readonly head: LogHead;
  readonly origin: string;
  /** Ends all reading when the program stops. */
  readonly lifetime: AbortSignal;
}

/**
 * For a log that nobody can follow leaf by leaf, such as the public Rekor v1 with its billions: it knows where the log ends
 * and none of its leaves. There the log itself tells whether it has an entry, when the entry is submitted (409).
 */
export function makeHeadTail({ head, origin, lifetime }: HeadTailParts): Tail {
  let treeSize: number | undefined;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    const size = await head.treeSize(lifetime);
    if (treeSize !== undefined && size < treeSize) {
      throw new AppError({
        code: 'LOG_FORKED',
        message: `the log ${origin} is not append-only: it shrank from ${treeSize} to ${size} entries; find out why before you go on`,
      });
    }
    treeSize = size;
  }

  async function follow(signal: AbortSignal): Promise<void> {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    await orAborted(asking, signal, `reading the log ${origin}`);
  }

  return {
    follow,
    // an older size would let an older claim pass for our own earlier try, so the head is asked for at every first sight
    ready: follow,
    position: () => ({ origin, treeSize: treeSize ?? 0 }),
    indexOf: () => undefined,
  };
}
