import { notRecordedDenial } from '../../check/denial.ts';
import { AppError } from '../../errors/app-error.ts';
import { recordName } from '../../ledger/tag-record.ts';
import type { TagReference } from '../../reference/reference.ts';
import { EXIT, exitCodeOfReason, worst } from '../exit-code.ts';
import { toFailure } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import type { GenerationFound, RecordSigner } from '../ports.ts';
import { makeProgress } from '../progress.ts';
import { toJson } from '../render-json.ts';
import type { ReadSession } from '../session.ts';
import { parseTagArgument } from '../tag-argument.ts';
import { FORMAT_FILE, FORMAT_TEXT } from './format.ts';
import { filesOf } from './record-files.ts';
import { fileSink, stdoutSink } from './sinks.ts';
import { nameSigners } from './signers.ts';
import { topFiles } from './top-files.ts';
import { writeArchive, type ArchiveWriter } from './write-archive.ts';

export interface ExportOptions {
  readonly outputFile: string;
}

interface Problem {
  readonly code: number;
  readonly text: string;
}

/** What an export has come to so far. */
interface Tally {
  exported: number;
  reserved: number;
  readonly signers: Map<string, RecordSigner>;
  readonly rekorUrls: Set<string>;
  readonly problems: Problem[];
}

/** Writes the records that verify, and names those that do not. */
export async function exportRecords(
  session: ReadSession,
  refs: readonly string[],
  { outputFile }: ExportOptions,
): Promise<Outcome> {
  const { io, options, signal } = session;
  if (outputFile === '-' && io.outputIsTerminal) {
    throw refused('the archive is no text for a terminal; add --output-file FILE, or redirect it');
  }
  if (outputFile === '-' && options.output === 'json') {
    throw refused('standard output takes the archive itself; leave -o json out, or add --output-file FILE');
  }
  const tally: Tally = { exported: 0, reserved: 0, signers: new Map(), rekorUrls: new Set(), problems: [] };
  const references = await referencesOf(session, refs, tally);
  const sink = outputFile === '-' ? stdoutSink(io) : fileSink(outputFile);
  await writeArchive(sink, (writer) => addAll(session, { references, writer, tally }), signal);
  return summary(session, outputFile, tally);
}

/** In a fixed order, so that the same ledger gives the same archive. */
async function referencesOf(
  { runtime, debug, signal }: ReadSession,
  refs: readonly string[],
  { problems }: Tally,
): Promise<readonly TagReference[]> {
  const found = new Map<string, TagReference>();
  for (const reference of refs.map(parseTagArgument)) found.set(reference.canonical, reference);
  if (refs.length === 0) {
    for await (const listed of runtime.tags(signal)) {
      if (listed.kind === 'tag') found.set(listed.reference.canonical, listed.reference);
      else problems.push(problemOf(listed.name, listed.error, debug));
    }
  }
  return [...found.values()].sort((a, b) => (a.canonical < b.canonical ? -1 : 1));
}

interface Work {
  readonly references: readonly TagReference[];
  readonly writer: ArchiveWriter;
  readonly tally: Tally;
}

async function addAll(session: ReadSession, { references, writer, tally }: Work): Promise<void> {
  const { io, runtime, debug, signal } = session;
  const progress = makeProgress(io, 'exporting');
  await writer.add(FORMAT_FILE, FORMAT_TEXT);
  for (const [i, reference] of references.entries()) {
    const generations = await runtime
      .generations(reference, signal)
      .catch((error: unknown): GenerationFound[] => {
        const { code } = toFailure(error, debug);
        // bad evidence is this record's; an outage is everybody's
        if (exitCodeOfReason(code) !== EXIT.evidence) throw error;
        tally.problems.push(problemOf(reference.canonical, error, debug));
        return [];
      });
    for (const each of generations) await addOne(session, reference, { each, writer, tally });
    if (generations.length === 0) tellMissing(reference, tally);
    progress.step(i + 1, references.length);
  }
  const signers = nameSigners([...tally.signers.values()]);
  const rekorUrls = [...tally.rekorUrls].sort();
  const { trustedRoot } = runtime.trust;
  for (const [path, text] of topFiles({ signers, rekorUrls, trustedRoot })) await writer.add(path, text);
}

async function addOne(
  { runtime, debug }: ReadSession,
  { canonical }: TagReference,
  { each, writer, tally }: { readonly each: GenerationFound } & Omit<Work, 'references'>,
): Promise<void> {
  if (each.kind === 'broken') {
    tally.problems.push(problemOf(`${canonical}, generation ${each.generation}`, each.error, debug));
    return;
  }
  if (!each.logged) {
    tally.reserved += 1;
    return;
  }
  const { record } = each;
  const folder = recordName(record.claimId, record.generation);
  for (const [name, text] of filesOf(record)) await writer.add(`${folder}/${name}`, text);
  for (const { verifier } of [record.claim, record.binding]) {
    const signer = runtime.trust.signerOf(verifier);
    tally.signers.set(JSON.stringify(signer), signer);
  }
  if (record.log?.kind === 'rekor-v1') tally.rekorUrls.add(record.log.url);
  tally.exported += 1;
}

/** A tag that was named and is not recorded, or that the store lists and then does not have. */
function tellMissing(reference: TagReference, { problems }: Tally): void {
  if (problems.some(({ text }) => text.startsWith(`${reference.canonical}: `))) return;
  const text = notRecordedDenial(reference).message.replaceAll('\n', '; ');
  problems.push({ code: exitCodeOfReason('NOT_RECORDED'), text });
}

function summary({ options }: ReadSession, file: string, { exported, reserved, problems }: Tally): Outcome {
  const code = worst(problems.map((problem) => problem.code));
  const told = {
    code,
    problems: [
      ...problems.map(({ text }) => text),
      ...(problems.length === 0 ? [] : ['the archive is written without these']),
    ],
  };
  if (file === '-') return told;
  const failed = problems.length;
  if (options.output === 'json') return { ...told, stdout: toJson({ file, exported, reserved, failed }) };
  const left = reserved === 0 ? '' : `, ${reserved} reserved and not in the log yet left out`;
  return { ...told, stdout: `${exported} ${exported === 1 ? 'record' : 'records'} exported${left}\n` };
}

function problemOf(what: string, error: unknown, debug: boolean): Problem {
  const { code, message } = toFailure(error, debug);
  return { code: exitCodeOfReason(code), text: `${what}: ${message}` };
}

function refused(why: string): AppError {
  return new AppError({ code: 'DOCUMENT_INVALID', message: `cannot export: ${why}` });
}
