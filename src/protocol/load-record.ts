import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { RecordPhase, TagRecord } from '../ledger/record.ts';
import { checkRecordStatements, isLogged } from '../ledger/tag-record.ts';
import type { TagReference } from '../reference/reference.ts';
import { lostAdvice, UNBOUND } from './lost-claim.ts';
import type { RecordNaming } from './naming.ts';
import type { EvidenceVerifier } from './ports.ts';

/** A record with its evidence, all of it verified. */
export interface LoadedRecord {
  readonly record: TagRecord;
  /** False while it is only reserved. */
  readonly logged: boolean;
}

interface Denying {
  readonly code: ErrorCode;
  readonly why: string;
  readonly advice?: (reference: TagReference) => string;
}

const DENYING: Partial<Record<RecordPhase, Denying>> = {
  Lost: { code: 'RECORD_LOST', why: UNBOUND, advice: lostAdvice },
  Conflicted: {
    code: 'RECORD_CONFLICTED',
    why: 'another claim on this tag is older in the log',
    advice: lostAdvice,
  },
  Unlogged: {
    code: 'RECORD_UNLOGGED',
    why: 'the log does not hold the entry that it had promised',
    advice: ({ canonical }) =>
      `find out whether it was set back from a backup (docs/log-alarms.md); if so: tagseal restore ${canonical}`,
  },
};

/**
 * Makes a stored record count: it must be about this very reference, its statements must say what it says, and its
 * evidence must verify. Throws RECORD_*, LOG_*, IDENTITY_MISMATCH: bad evidence denies, it is never "unknown".
 */
export async function loadRecord(
  record: TagRecord,
  reference: TagReference,
  { naming, verifier }: { readonly naming: RecordNaming; readonly verifier: EvidenceVerifier },
): Promise<LoadedRecord> {
  const denying = DENYING[record.phase];
  if (denying !== undefined) {
    const { code, why, advice } = denying;
    const toDo = advice === undefined ? '' : `; ${advice(reference)}`;
    throw new AppError({ code, message: `${reference.canonical}: ${why}${toDo}` });
  }
  checkIsAbout(record, reference, naming);
  checkRecordStatements(record, naming.blindingKey);
  const { claim, binding, approval } = record;
  if (approval !== undefined) await verifier.verifySignature(approval);
  if (record.phase === 'Reserved') {
    await Promise.all([verifier.verifySignature(claim), verifier.verifySignature(binding)]);
    return { record, logged: false };
  }
  if (!isLogged(claim) || !isLogged(binding)) throw invalid(record, 'it is Logged and has no bundle');
  const [, entry] = await Promise.all([verifier.verify(claim), verifier.verify(binding)]);
  if (record.log?.index !== entry.logIndex) throw invalid(record, 'its log index is not that of its bundle');
  return { record, logged: true };
}

function checkIsAbout(record: TagRecord, reference: TagReference, naming: RecordNaming): void {
  if (record.reference !== reference.canonical)
    throw invalid(record, `it is not about ${reference.canonical}`);
  if (record.scope !== naming.scope) throw invalid(record, `its scope is not ${naming.scope}`);
  // a claim id that cannot be computed is compared with the one in the signed statements alone
  const expected = naming.claimId(reference, record.privacy) ?? record.claimId;
  if (record.claimId !== expected) throw invalid(record, 'its claimId is not that of its tag');
}

function invalid(record: TagRecord, why: string): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the record of ${record.reference} cannot be trusted: ${why}; restore it from a backup or from the log`,
  });
}
