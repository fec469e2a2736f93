import type { Foreseen } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { KnownRecords } from './known-records.ts';
import { lost } from './lost-claim.ts';
import type { Naming } from './naming.ts';
import type { LogHistory } from './ports.ts';
import { findInLog } from './tag-in-log.ts';

export interface ForeseeParts {
  readonly records: Pick<KnownRecords, 'stored'>;
  readonly naming: Naming;
  readonly history: Pick<LogHistory, 'ready' | 'earliest'>;
}

/** What recording a tag without a record would come to; writes and submits nothing. Throws RECORD_LOST, LOG_*, STORE_*. */
export function makeForesee({ records, naming, history }: ForeseeParts) {
  return async function foresee(
    reference: TagReference,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<Foreseen> {
    await history.ready(signal);
    const asked = { privacies: naming.privacies(reference), from: 0 };
    const tag = await findInLog(reference, asked, { naming, history }, signal);
    if (tag === undefined) return 'new';
    const { binding } = naming.statements(reference, digest, tag.privacy, tag.generation);
    const bound = await history.earliest(binding, signal);
    // the claim may be of who has recorded it since the store was asked
    if ((await records.stored(reference, signal)) !== undefined) throw meanwhile(reference);
    if (bound !== undefined) return 'restorable';
    throw lost({ reference, digest }, tag);
  };
}

function meanwhile({ canonical }: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `somebody has recorded ${canonical} at this very moment; ask again`,
  });
}
