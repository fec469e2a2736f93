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

/** Publishes the reservations that an earlier process left behind, one after the other; never throws. */
export async function resumeReservations({ store, publisher, logger }: ResumeParts): Promise<void> {
  const { lifetime } = publisher;
  try {
    for await (const stored of store.list(lifetime)) {
      if (lifetime.aborted) return;
      if ('error' in stored) {
        logger.error('record.invalid', { record: stored.name, code: toAppError(stored.error).code });
      } else if (stored.record.phase === 'Reserved') {
        await resume(stored.record.reference, { publisher, logger });
      }
    }
  } catch (error) {
    if (lifetime.aborted) return;
    const { code, message } = toAppError(error);
    logger.warn('record.resumeStopped', { code }, message);
  }
}

/** Publishes what an outage of the log has cut short in this process; stops at the first that fails again. */
export async function retryUnfinished(publisher: Publisher): Promise<void> {
  for (const reference of publisher.unfinished()) await publisher.publish(reference);
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
