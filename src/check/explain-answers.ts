import { quote } from '../errors/quote.ts';
import type { TagReference } from '../reference/reference.ts';
import type { ExplainStep } from './explain-image.ts';
import type { Heard, LedgerAnswer, LogAnswer, RegistryAnswer } from './overhear.ts';
import type { VerifiedRecord } from './ports.ts';
import type { Verdict } from './verdict.ts';

/** What ledger and registry said, in the order in which they were asked; nothing where neither was needed. */
export function answerSteps(
  answers: Heard['answers'],
  reference: TagReference,
  verdict: Verdict,
): readonly ExplainStep[] {
  const isAsked = answers.some(({ from }) => from === 'registry');
  const first = answers.find((answer) => answer.from === 'ledger');
  return answers.flatMap((answer) => {
    if (answer.from === 'log') return [logStep(answer)];
    if (answer.from === 'registry') return [registryStep(answer, verdict)];
    const record = recordStep(answer, first);
    // a failed look-up was the end of it
    const isSkipped = !isAsked && !answer.isAgain && answer.kind === 'record';
    return isSkipped ? [record, notAsked(answer.found, reference)] : [record];
  });
}

function recordStep(answer: LedgerAnswer, first: LedgerAnswer | undefined): ExplainStep {
  const { step, says, ...facts } = recordSays(answer, first);
  return {
    step,
    says: answer.isAgain ? `before a refusal the store is asked once more: ${says}` : says,
    ...facts,
  };
}

function recordSays(answer: LedgerAnswer, first: LedgerAnswer | undefined): ExplainStep {
  switch (answer.kind) {
    case 'none': {
      const says = answer.isAgain
        ? 'it has no record any more, so the remembered one counts'
        : 'there is no record of it here';
      return { step: 'record', says, found: false };
    }
    case 'failed': {
      const { code, message } = answer;
      return { step: 'record', says: `what is recorded cannot be told (${code}): ${message}`, code };
    }
    case 'record': {
      const { found } = answer;
      const { digest, generation, phase, firstSeen, origin, log } = found.record;
      const isKnown = first !== answer && first?.kind === 'record' && isSame(first.found, found);
      const says = isKnown
        ? `generation ${generation} is the newest`
        : `it is recorded as ${digest}${since(found)}${place(found)}`;
      const facts = { digest, generation, phase, logged: found.logged, firstSeen, origin };
      return { step: 'record', says, found: true, ...facts, ...(log && { log }) };
    }
  }
}

function isSame(a: VerifiedRecord, b: VerifiedRecord): boolean {
  return a.record.generation === b.record.generation && a.logged === b.logged;
}

function since({ record: { generation, firstSeen, origin } }: VerifiedRecord): string {
  return generation === 0
    ? `, first seen ${firstSeen} by ${origin}`
    : `, generation ${generation} since ${firstSeen} by ${origin}: what it meant before was given up, by an accepted or a tracked move`;
}

function place({ record: { phase, log }, logged }: VerifiedRecord): string {
  if (!logged || log === undefined) return `; only reserved so far, not in the log (${phase})`;
  const time = log.time === undefined ? '' : ` of ${log.time}`;
  return `; entry ${log.index} of ${log.kind} ${quote(log.origin)}${time} proves it (${phase})`;
}

function registryStep(answer: RegistryAnswer, verdict: Verdict): ExplainStep {
  if (answer.kind === 'answered') {
    const { digest, hashed } = answer;
    const how = hashed ? 'a manifest that was fetched and hashed' : 'its word for a known tag';
    const says = `the registry says ${digest} now, ${how}`;
    return { step: 'registry', says, asked: true, digest, hashed };
  }
  const { code, message } = answer;
  const isDenied = 'denial' in verdict && verdict.denial.reason === code;
  const forgiven = isDenied ? '' : '; that is forgiven for a known tag, the record alone decides';
  return {
    step: 'registry',
    says: `the registry could not say what the tag means now (${code}): ${message}${forgiven}`,
    asked: true,
    code,
    forgiven: !isDenied,
  };
}

const FORESEEN = {
  new: 'the log holds no claim of it: it is new',
  restorable:
    'the log has it with this very digest: only its record is missing here, and recording it restores that',
} as const;

function logStep(answer: LogAnswer): ExplainStep {
  if (answer.kind === 'foreseen')
    return { step: 'log', says: FORESEEN[answer.foreseen], found: answer.foreseen };
  const { code, message } = answer;
  const what =
    code === 'RECORD_LOST' ? 'the log says that it is not new' : 'whether the log knows it cannot be told';
  return { step: 'log', says: `${what} (${code}): ${message}`, code };
}

function notAsked({ record }: VerifiedRecord, { digest }: TagReference): ExplainStep {
  const why =
    digest === record.digest
      ? 'the digest that is written is the recorded one'
      : 'the rule wants no recheck of a known tag';
  return { step: 'registry', says: `the registry was not asked: ${why}`, asked: false };
}
