import type { TagRecord } from '../../ledger/record.ts';
import { EXIT, exitCodeOfReason, worst } from '../exit-code.ts';
import { toFailure, type Failure } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import type { ImportOutcome } from '../ports.ts';
import { makeProgress } from '../progress.ts';
import { toJson } from '../render-json.ts';
import type { Session } from '../session.ts';
import { countRecords, readArchive, type ArchivedRecord } from './read-archive.ts';
import { recordOf } from './record-files.ts';
import { eachInTurn } from './each-in-turn.ts';
import { withArchiveFile } from './spool.ts';

export interface ImportOptions {
  readonly dryRun?: boolean;
}

/** What came of one record of the archive. */
type Answer =
  | { readonly kind: 'counted'; readonly as: 'imported' | 'present' }
  | {
      readonly kind: 'conflict';
      readonly name: string;
      readonly record: TagRecord;
      readonly recorded: string;
      readonly isConflicted: boolean;
    }
  | { readonly kind: 'failed'; readonly name: string; readonly failure: Failure };

/** Records verified and written at the same time. */
const PARALLEL = 8;
/** Said one by one; more are counted. */
const MAX_TOLD = 1000;

/**
 * Reads the archive through first: a damaged one changes nothing. Then each record counts for itself: it is written when all
 * of it verifies by our own trust and nothing is recorded in its place.
 */
export async function importArchive(
  session: Session,
  file: string,
  { dryRun = false }: ImportOptions,
): Promise<Outcome> {
  const { io, signal } = session;
  return withArchiveFile({ io, file, signal }, async (path) => {
    const total = await countRecords(path, signal);
    const progress = makeProgress(io, dryRun ? 'verifying' : 'importing');
    const answers: Answer[] = [];
    await eachInTurn({
      source: readArchive(path, signal),
      parallel: PARALLEL,
      // the generations of a tag one after the other, as they are in the archive
      turn: ({ folder }) => folder.slice(0, 42),
      async work(archived) {
        answers.push(await importOne(session, archived, dryRun));
        progress.step(answers.length, total);
      },
    });
    return summary(session, answers, dryRun);
  });
}

async function importOne(
  { runtime, debug, signal }: Session,
  { folder: name, files }: ArchivedRecord,
  dryRun: boolean,
): Promise<Answer> {
  try {
    const record = recordOf(name, files);
    const outcome = await runtime.importRecord(record, { dryRun }, signal);
    return answerOf(name, record, outcome);
  } catch (error) {
    const failure = toFailure(error, debug);
    // what is not about this record's evidence would fail for the next one too
    if (signal.aborted || exitCodeOfReason(failure.code) !== EXIT.evidence) throw error;
    return { kind: 'failed', name, failure };
  }
}

function answerOf(name: string, record: TagRecord, outcome: ImportOutcome): Answer {
  if (outcome.kind === 'conflict') {
    const { recorded, isConflicted = false } = outcome;
    return { kind: 'conflict', name, record, recorded, isConflicted };
  }
  return { kind: 'counted', as: outcome.kind };
}

function summary({ options }: Session, answers: readonly Answer[], dryRun: boolean): Outcome {
  const count = (as: 'imported' | 'present') =>
    answers.filter((answer) => answer.kind === 'counted' && answer.as === as).length;
  const bad = answers
    .flatMap((answer) => (answer.kind === 'counted' ? [] : [answer]))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const told = bad.slice(0, MAX_TOLD).map(problemOf);
  const problems = bad.length > MAX_TOLD ? [...told, `and ${bad.length - MAX_TOLD} more records`] : told;
  const code = worst(bad.map(codeOf));
  const imported = count('imported');
  const present = count('present');
  if (options.output === 'json') {
    const conflicts = bad.flatMap((answer) => (answer.kind === 'conflict' ? [conflictJson(answer)] : []));
    const failed = bad.flatMap((answer) =>
      answer.kind === 'failed' ? [{ name: answer.name, error: answer.failure }] : [],
    );
    return { code, problems, stdout: toJson({ dryRun, imported, present, conflicts, failed }) };
  }
  const parts = [
    `${imported} ${dryRun ? 'would be imported' : 'imported'}`,
    `${present} present already`,
    ...(bad.length === 0 ? [] : [`${bad.length} refused`]),
  ];
  return { code, problems, stdout: `${parts.join(', ')}\n` };
}

type Bad = Exclude<Answer, { kind: 'counted' }>;

function codeOf(answer: Bad): number {
  return exitCodeOfReason(answer.kind === 'conflict' ? 'RECORD_CONFLICTED' : answer.failure.code);
}

function problemOf(answer: Bad): string {
  if (answer.kind === 'failed') return `${answer.name}: ${answer.failure.message}`;
  const { name, record, recorded, isConflicted } = answer;
  const { reference, generation, digest } = record;
  if (isConflicted) {
    return (
      `${name}: the store's record of ${reference}, generation ${generation}, is refused for an older claim in the log, and the ` +
      `one in the archive does not prove to be that; ask the log: tagseal restore ${reference}@${digest}`
    );
  }
  return `${name}: ${reference}, generation ${generation} is ${digest} in the archive and ${recorded} in the store; a record is never replaced`;
}

function conflictJson({ name, record, recorded }: Extract<Answer, { kind: 'conflict' }>): object {
  const { reference, generation, digest } = record;
  return { name, reference, generation, digest, recorded };
}
