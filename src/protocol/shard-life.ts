import { createHmac, timingSafeEqual } from 'node:crypto';
import { toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';
import type { Clock, LogReader, StateDocument, StateStore } from './ports.ts';
import type { SharedTail } from './shared-tail.ts';
import type { Tail } from './tail.ts';

export interface ShardLifeParts {
  readonly reader: LogReader;
  /** Follows the shard by a reader. */
  readonly open: (reader: LogReader) => SharedTail;
  /** When the log says that it takes entries, in milliseconds since the epoch; infinite where it does not say. */
  readonly takesEntries: { readonly from: number; readonly to: number };
  readonly clock: Clock;
  readonly state: StateStore;
  /** Of the document that says that all of it is read. */
  readonly name: string;
  /** A secret of the ledger: who can write to the store shall not end a shard before its time. */
  readonly key: Uint8Array;
  readonly logger: Logger;
}

/** Clocks differ: one that is this much behind still reads a new shard in time. */
const EARLY_MS = 300_000;
/** What was taken in the last moment is in the tree long before. */
const SETTLED_MS = 3_600_000;

/**
 * A shard that does not take entries now. Before its time it is not asked, and after its time only until all of it was read
 * once: nothing can be added, so from then on it may be gone. What is in it is proved by the log alone, as ever.
 */
export function makeShardLife(parts: ShardLifeParts): SharedTail {
  const { reader, takesEntries, clock, state, name, logger } = parts;
  /** Size of the newest tree that was asked for after the end. */
  let finalSize: number | undefined;
  let isComplete = false;

  const hasBegun = () => clock.now() >= takesEntries.from - EARLY_MS;
  const hasEnded = () => clock.now() > takesEntries.to + SETTLED_MS;

  const shared = parts.open({
    ...reader,
    async checkpoint(signal) {
      const isFinal = hasEnded();
      const head = await reader.checkpoint(signal);
      if (isFinal) finalSize = head.treeSize;
      return head;
    },
  });
  const { tail } = shared;

  function textFor(size: number): string {
    const content = `${name} ${size}`;
    return `${createHmac('sha256', parts.key).update(`tagseal/shard-end/v1\n${content}`).digest('hex')} ${content}\n`;
  }

  function says(document: StateDocument | undefined): boolean {
    const expected = Buffer.from(textFor(tail.position().treeSize));
    const actual = Buffer.from(document?.text ?? '');
    return expected.length === actual.length && timingSafeEqual(expected, actual);
  }

  /** To the very leaf up to which it was read here, or by whoever saved what was taken over. */
  async function wasReadToItsEnd(signal: AbortSignal): Promise<boolean> {
    isComplete ||= hasEnded() && says(await state.read(name, signal));
    return isComplete;
  }

  async function keepEnd(signal: AbortSignal): Promise<void> {
    try {
      const before = await state.read(name, signal);
      const text = textFor(tail.position().treeSize);
      if (!says(before)) await state.write(name, { text, version: before?.version }, signal);
      isComplete = true;
    } catch (error) {
      const { code, message } = toAppError(error);
      if (!signal.aborted) logger.warn('log.tailUnsaved', { origin: tail.origin, code }, message);
    }
  }

  async function unlessComplete(read: () => Promise<void>, signal: AbortSignal): Promise<void> {
    if (isComplete || !hasBegun()) return;
    try {
      await read();
    } catch (error) {
      if (toAppError(error).code !== 'LOG_UNAVAILABLE' || !(await wasReadToItsEnd(signal))) throw error;
    }
    // a tail that has caught up once is ready without the log, too
    if (finalSize === tail.position().treeSize) await keepEnd(signal);
  }

  const lived: Tail = { ...tail, ready: (signal) => unlessComplete(() => tail.ready(signal), signal) };
  return { ...shared, tail: lived, turn: (signal) => unlessComplete(() => shared.turn(signal), signal) };
}
