import { AppError } from '../errors/app-error.ts';
import type { LogPosition } from '../ledger/record.ts';
import { orAborted } from './or-aborted.ts';
import type { LogHead } from './ports.ts';

export interface HeadTailParts {
  readonly head: LogHead;
  readonly origin: string;
  /** Ends all reading when the program stops. */
  readonly lifetime: AbortSignal;
}

/** Where a log ends that nobody can follow leaf by leaf. */
export interface HeadTail {
  /** Asks for the log's end as it is now. Throws LOG_UNAVAILABLE, LOG_PROOF_INVALID; LOG_FORKED when it shrank. */
  ready(signal: AbortSignal): Promise<void>;
  follow(signal: AbortSignal): Promise<void>;
  position(): LogPosition;
}

/**
 * For a log such as the public Rekor v1 with its billions of leaves: it knows where the log ends and none of them. There
 * the log itself tells whether it has an entry, when asked by the entry's hash and when the entry is submitted (409).
 */
export function makeHeadTail({ head, origin, lifetime }: HeadTailParts): HeadTail {
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
  };
}
