import { toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { RecordStore } from './ports.ts';
import type { Publisher } from './publish.ts';

export interface ResumeParts {
  readonly store: RecordStore;
  readonly publisher: Publisher;
  readonly logger: Logger;
}

/** A Rekor v2 answers when it has signed its next checkpoint: what waits for the same one costs no more time than one. */
const AT_ONCE = 16;

/** Publishes the reservations that an earlier process left behind, some at a time; never throws. */
export async function resumeReservations(parts: ResumeParts): Promise<void> {
  const { publisher, logger } = parts;
  const { lifetime } = publisher;
  const waiting: string[] = [];
  const resumeWaiting = () => Promise.all(waiting.splice(0).map((reference) => resume(reference, parts)));
  try {
    for await (const reference of reservations(parts)) {
      waiting.push(reference);
      if (waiting.length === AT_ONCE) await resumeWaiting();
    }
    await resumeWaiting();
  } catch (error) {
    if (lifetime.aborted) return;
    const { code, message } = toAppError(error);
    logger.warn('record.resumeStopped', { code }, message);
  }
}

/** References of what is reserved and not in the log yet. */
async function* reservations({ store, publisher, logger }: ResumeParts): AsyncIterable<string> {
  const { lifetime } = publisher;
  for await (const stored of store.list(lifetime)) {
    if (lifetime.aborted) return;
    if ('error' in stored) {
      logger.error('record.invalid', { record: stored.name, code: toAppError(stored.error).code });
    } else if (stored.record.phase === 'Reserved') yield stored.record.reference;
  }
}

/** Publishes what an outage of the log has cut short in this process; stops where one fails again. */
export async function retryUnfinished(publisher: Publisher): Promise<void> {
  const [first, ...others] = publisher.unfinished();
  if (first === undefined) return;
  // alone: it may be what shows that the log is back, and until then the others would be refused
  await publisher.publish(first);
  for (let from = 0; from < others.length; from += AT_ONCE) {
    await Promise.all(others.slice(from, from + AT_ONCE).map((reference) => publisher.publish(reference)));
  }
}

async function resume(
  text: string,
  { publisher, logger }: Pick<ResumeParts, 'publisher' | 'logger'>,
): Promise<void> {
  try {
    const reference = parseReference(text);
    if (isTagReference(reference)) await publisher.publish(reference);
    logger.info('record.resumed', { reference: text });
  } catch (error) {
    // the next process will go on with it
    if (publisher.lifetime.aborted) return;
    const { code, message } = toAppError(error);
    logger.warn('record.unpublished', { reference: text, code }, message);
  }
}
