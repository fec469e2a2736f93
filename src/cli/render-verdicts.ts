import type { Note, Verdict } from '../check/verdict.ts';
import { exitCodeOf, worst } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import { renderTable, shortDigest, type Cell } from './render-table.ts';
import { toJson, verdictJson } from './render-json.ts';
import type { Colors } from './session.ts';
import { isFailure, wordOf, type Word } from './verdict-word.ts';

export interface Answered {
  readonly image: string;
  readonly verdict: Verdict;
}

const HEADER = ['IMAGE', 'VERDICT', 'DIGEST', 'LOG INDEX', 'NOTE'];

/** Verdicts as a table with the denials in full below it, failures as problems; or all of it as one JSON array. */
export function renderVerdicts(
  answers: readonly Answered[],
  output: 'table' | 'json',
  colors: Colors,
): Outcome {
  const code = worst(answers.map(({ verdict }) => exitCodeOf(verdict)));
  const denials = answers.flatMap(({ verdict }) => ('denial' in verdict ? [verdict.denial] : []));
  const problems = denials.filter(({ reason }) => isFailure(reason)).map(({ message }) => message);
  if (output === 'json') {
    return {
      code,
      problems,
      stdout: toJson(answers.map(({ image, verdict }) => verdictJson(image, verdict))),
    };
  }
  const told = answers.filter(({ verdict }) => wordOf(verdict) !== 'failed');
  const table =
    told.length === 0
      ? ''
      : renderTable(
          HEADER,
          told.map((answer) => row(answer, colors)),
        );
  const full = denials.filter(({ reason }) => !isFailure(reason)).map(({ message }) => `\n${message}\n`);
  return { code, problems, stdout: table + full.join('') };
}

function row({ image, verdict }: Answered, colors: Colors): readonly Cell[] {
  const word = wordOf(verdict);
  const record = 'record' in verdict ? verdict.record : undefined;
  const digest = verdict.kind === 'admit' ? verdict.pin : record?.digest;
  return [
    { text: image },
    { text: word, paint: paintOf(word, colors) },
    { text: digest === undefined ? '-' : shortDigest(digest) },
    { text: record?.log === undefined ? '-' : String(record.log.index) },
    { text: noteOf(verdict) },
  ];
}

const PAINT: Readonly<Record<Word, 'green' | 'yellow' | 'red'>> = {
  ok: 'green',
  recorded: 'green',
  new: 'yellow',
  restorable: 'yellow',
  exempt: 'yellow',
  pending: 'yellow',
  moved: 'red',
  mismatch: 'red',
  unrecorded: 'red',
  failed: 'red',
};

export function paintOf(word: Word, colors: Colors): (text: string) => string {
  return colors[PAINT[word]];
}

function noteOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'admit':
      if (verdict.notes.length > 0) return verdict.notes.map(noteText).join('; ');
      return verdict.reference.tag === undefined ? 'named by digest alone' : '';
    case 'exempt':
      return verdict.why;
    case 'pending':
      return 'being recorded, not in the log yet; ask again';
    case 'deny':
      return '';
    case 'report':
      return verdict.mode === 'warn' ? 'the policy only warns' : 'the policy only audits';
  }
}

function noteText(note: Note): string {
  switch (note.kind) {
    case 'notRechecked':
      return `answered from the record, not rechecked: ${note.message}`;
    case 'wouldRecord':
      return 'not recorded yet';
    case 'wouldRestore':
      return 'its record is missing, and the log has it';
    case 'notLoggedYet':
      return 'not in the log yet';
    case 'runsRecorded':
      return 'the tag moved; the recorded digest runs';
  }
}
