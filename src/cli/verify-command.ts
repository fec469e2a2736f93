import { notRecordedDenial, pairDenial } from '../check/denial.ts';
import type { Denial } from '../check/verdict.ts';
import { judge } from '../ledger/judge.ts';
import type { TagReference } from '../reference/reference.ts';
import { approvalOf } from './approval-of.ts';
import { EXIT, exitCodeOfReason, worst } from './exit-code.ts';
import { toFailure, type Failure } from './failure.ts';
import type { Outcome } from './outcome.ts';
import { recordJson, toJson } from './render-json.ts';
import { printable } from './printable.ts';
import type { RecordSigner, RecordWithEvidence } from './ports.ts';
import { renderFacts } from './render-table.ts';
import { evidenceFolder, saveEvidence, type SavedEvidence } from './save-evidence.ts';
import type { ReadSession } from './session.ts';
import { parseTagArgument } from './tag-argument.ts';

type Verified =
  | {
      readonly kind: 'verified';
      readonly found: RecordWithEvidence;
      readonly signer: RecordSigner;
      readonly saved?: SavedEvidence;
    }
  | { readonly kind: 'denied'; readonly denial: Denial }
  | { readonly kind: 'failed'; readonly failure: Failure };

interface Answer {
  readonly text: string;
  readonly verified: Verified;
}

/** Verifies the stored evidence of tags without asking registry or log, and saves it for other tools. */
export async function verifyRecords(
  session: ReadSession,
  texts: readonly string[],
  save: string | undefined,
): Promise<Outcome> {
  const answers: Answer[] = [];
  for (const text of new Set(texts)) {
    const folder = (found: RecordWithEvidence) =>
      save === undefined ? undefined : evidenceFolder(save, found.record, texts.length > 1);
    answers.push({ text, verified: await verifyOne(session, text, folder) });
  }
  const problems = answers.flatMap(({ verified }) => problemOf(verified));
  const code = worst(answers.map(({ verified }) => codeOf(verified)));
  const stdout =
    session.options.output === 'json'
      ? toJson(answers.map(answerJson))
      : answers.map(({ verified }) => story(verified)).join('');
  return { code, problems, stdout };
}

async function verifyOne(
  { runtime, debug, signal }: ReadSession,
  text: string,
  folderOf: (found: RecordWithEvidence) => string | undefined,
): Promise<Verified> {
  try {
    const reference = parseTagArgument(text);
    const found = await runtime.findRecord(reference, signal);
    if (found === undefined) return { kind: 'denied', denial: notRecordedDenial(reference) };
    const denial = wrongPair(reference, found);
    if (denial !== undefined) return { kind: 'denied', denial };
    const signer = runtime.trust.signerOf(found.record.binding.verifier);
    const folder = folderOf(found);
    if (folder === undefined) return { kind: 'verified', found, signer };
    return {
      kind: 'verified',
      found,
      signer,
      saved: await saveEvidence(folder, found.record, runtime.trust),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'failed', failure: toFailure(error, debug) };
  }
}

/** `name:tag@digest` claims what the tag means. */
function wrongPair(reference: TagReference, { record }: RecordWithEvidence): Denial | undefined {
  const judgement = judge(reference, undefined, record.digest);
  return judgement.kind === 'pairMismatch' ? pairDenial(reference, record, judgement) : undefined;
}

function problemOf(verified: Verified): readonly string[] {
  switch (verified.kind) {
    case 'verified':
      if (verified.found.logged) return [];
      return [`${verified.found.record.reference} is reserved but not in the log yet; record it again`];
    case 'denied':
      return [verified.denial.message.replaceAll(/\n\s*/g, '; ')];
    case 'failed':
      return [verified.failure.message];
  }
}

function codeOf(verified: Verified): number {
  switch (verified.kind) {
    case 'verified':
      return verified.found.logged ? EXIT.ok : EXIT.unreachable;
    case 'denied':
      return exitCodeOfReason(verified.denial.reason);
    case 'failed':
      return exitCodeOfReason(verified.failure.code);
  }
}

function answerJson({ text, verified }: Answer): object {
  switch (verified.kind) {
    case 'verified': {
      const { found, signer, saved } = verified;
      const record = recordJson(found.record);
      return { image: text, verified: true, logged: found.logged, signer, record, ...(saved && { saved }) };
    }
    case 'denied':
      return { image: text, verified: false, denial: verified.denial };
    case 'failed':
      return { image: text, verified: false, error: verified.failure };
  }
}

function story(verified: Verified): string {
  if (verified.kind !== 'verified') return '';
  const { found, signer, saved } = verified;
  const { record, logged } = found;
  const approval = approvalOf(record);
  const { log } = record;
  const facts: (readonly [string, string])[] = [
    ['digest', record.digest],
    ['signatures', `verified: claim and binding, by ${signerText(signer)}`],
    [
      'log proof',
      logged ? 'verified: both statements are in the log, under its signed checkpoint' : 'none yet',
    ],
    [
      'first seen',
      `${record.firstSeen} by ${record.origin}, generation ${record.generation}, ${record.phase}`,
    ],
  ];
  if (log !== undefined) {
    facts.push(
      ['log', `${log.kind} ${log.origin}, ${log.url}`],
      ['log entry', `index ${log.index}, uuid ${log.uuid}`],
    );
    if (log.time !== undefined) facts.push(['log time', log.time]);
  }
  if (approval !== undefined) facts.push(['accepted', `by ${approval.by}: ${approval.reason}`]);
  if (saved === undefined) return renderFacts(record.reference, facts);
  facts.push(['evidence', saved.directory]);
  const lines = saved.commands.map((line) => `${printable(line)}\n`).join('');
  return renderFacts(record.reference, facts) + (lines === '' ? '' : `check it with other tools:\n${lines}`);
}

function signerText(signer: RecordSigner): string {
  return signer.kind === 'key' ? 'the trusted key' : `${signer.identity} (issuer ${signer.issuer})`;
}
