import pLimit from 'p-limit';
import { AppError } from '../errors/app-error.ts';
import { EXIT, exitCodeOfReason, worst } from './exit-code.ts';
import { toFailure, type Failure } from './failure.ts';
import type { Outcome } from './outcome.ts';
import type { RestoreOutcome } from './ports.ts';
import { makeProgress } from './progress.ts';
import { readLines } from './read-lines.ts';
import { recordJson, toJson } from './render-json.ts';
import { renderTable, type Cell } from './render-table.ts';
import type { Session } from './session.ts';
import { parseTagArgument } from './tag-argument.ts';

export interface RestoreOptions {
  readonly filename?: string;
}

interface Answer {
  readonly text: string;
  readonly result: RestoreOutcome | { readonly kind: 'failed'; readonly failure: Failure };
}

/** Tags restored at the same time; each costs several calls to the log. */
const PARALLEL = 8;
const HEADER = ['REFERENCE', 'RESULT', 'GENERATION', 'DIGEST', 'LOG INDEX'];

/** Restores records from the log alone, each on its own: one that is lost for good keeps no other one back. */
export async function restoreRecords(
  session: Session,
  refs: readonly string[],
  { filename }: RestoreOptions,
): Promise<Outcome> {
  const named = filename === undefined ? [] : await readLines(session.io, filename);
  const texts = [...new Set([...refs, ...named])];
  if (texts.length === 0) {
    throw new AppError({
      code: 'DOCUMENT_INVALID',
      message: 'cannot restore: no tag is named; write references, or name a file of them with -f',
    });
  }
  const progress = makeProgress(session.io, 'restoring');
  let done = 0;
  const answers = await pLimit(PARALLEL).map(texts, async (text): Promise<Answer> => {
    const result = await restoreOne(session, text);
    progress.step(++done, texts.length);
    return { text, result };
  });
  return render(session, answers);
}

async function restoreOne({ runtime, debug, signal }: Session, text: string): Promise<Answer['result']> {
  try {
    return await runtime.restore(parseTagArgument(text), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'failed', failure: toFailure(error, debug) };
  }
}

function render({ options, colors }: Session, answers: readonly Answer[]): Outcome {
  const code = worst(answers.map(codeOf));
  const problems = answers.flatMap(problemOf);
  if (options.output === 'json') return { code, problems, stdout: toJson(answers.map(answerJson)) };
  const paint = {
    restored: colors.green,
    present: colors.green,
    absent: colors.yellow,
    lost: colors.red,
    failed: colors.red,
  };
  const rows = answers.map((answer): readonly Cell[] => {
    const { result } = answer;
    const record = 'found' in result ? result.found.record : undefined;
    const word = wordOf(answer);
    return [
      { text: record?.reference ?? answer.text },
      { text: word, paint: paint[word] },
      { text: record === undefined ? '-' : String(record.generation) },
      { text: record?.digest ?? '-' },
      { text: record?.log === undefined ? '-' : String(record.log.index) },
    ];
  });
  return { code, problems, stdout: renderTable(HEADER, rows) };
}

function wordOf({ result }: Answer): 'restored' | 'present' | 'absent' | 'lost' | 'failed' {
  if (result.kind !== 'failed') return result.kind;
  return result.failure.code === 'RECORD_LOST' ? 'lost' : 'failed';
}

/** What the log never saw is not recorded. */
function codeOf({ result }: Answer): number {
  switch (result.kind) {
    case 'restored':
    case 'present':
      return result.found.logged ? EXIT.ok : EXIT.unreachable;
    case 'absent':
      return exitCodeOfReason('NOT_RECORDED');
    case 'failed':
      return exitCodeOfReason(result.failure.code);
  }
}

function problemOf({ text, result }: Answer): readonly string[] {
  switch (result.kind) {
    case 'restored':
    case 'present':
      if (result.found.logged) return [];
      return [
        `${result.found.record.reference} is reserved but not in the log yet; run the same command again`,
      ];
    case 'absent':
      return [`${text} was never recorded: the log holds no claim on it; record it with tagseal record`];
    case 'failed':
      return [result.failure.message];
  }
}

function answerJson(answer: Answer): object {
  const { text: image, result } = answer;
  const said = { image, result: wordOf(answer) };
  if (result.kind === 'failed') return { ...said, error: result.failure };
  if (result.kind === 'absent') return said;
  return { ...said, logged: result.found.logged, record: recordJson(result.found.record) };
}
