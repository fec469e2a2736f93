import { notRecordedDenial } from '../check/denial.ts';
import type { TagRecord } from '../ledger/record.ts';
import { exitCodeOfReason, EXIT } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import { recordJson, toJson } from './render-json.ts';
import { renderTable } from './render-table.ts';
import type { Session } from './session.ts';
import { parseTagArgument } from './tag-argument.ts';

const HEADER = ['GEN', 'DIGEST', 'PHASE', 'LOG INDEX', 'UUID', 'LOG TIME', 'FIRST SEEN', 'ORIGIN'];

/** Every generation of a tag that the store holds, its evidence verified, oldest first. Asks nobody else. */
export async function showHistory({ runtime, options, signal }: Session, text: string): Promise<Outcome> {
  const reference = parseTagArgument(text);
  const found = await runtime.findRecord(reference, signal);
  const generations = found === undefined ? [] : [found.record];
  const code = found === undefined ? exitCodeOfReason('NOT_RECORDED') : EXIT.ok;
  const problems = found === undefined ? [notRecordedDenial(reference).message.replaceAll('\n', '; ')] : [];
  if (options.output === 'json') {
    const shape = { reference: reference.canonical, generations: generations.map(recordJson) };
    return { code, problems, stdout: toJson(shape) };
  }
  if (found === undefined) return { code, problems };
  // digests in full: they are what a person comes here for
  return { code, stdout: `${reference.canonical}\n${renderTable(HEADER, generations.map(row))}` };
}

function row({ generation, digest, phase, log, firstSeen, origin }: TagRecord): { readonly text: string }[] {
  const cells = [
    String(generation),
    digest,
    phase,
    log === undefined ? '-' : String(log.index),
    log?.uuid ?? '-',
    log?.time ?? '-',
    firstSeen,
    origin,
  ];
  return cells.map((text) => ({ text }));
}
