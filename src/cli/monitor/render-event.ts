import type { Failure } from '../failure.ts';
import { printable } from '../printable.ts';
import type { Conflict, KnownStatement } from './known-statements.ts';
import type { MonitorEvent } from './ports.ts';

type Checkpoint = Extract<MonitorEvent, { kind: 'checkpoint' }>;
type Entry = Extract<MonitorEvent, { kind: 'entry' }>;

/** One line of JSON for each thing that happened; fields may be added, and are never renamed or removed. */
export function eventJson(event: MonitorEvent, meaning?: KnownStatement): string {
  const { kind, ...fields } = event;
  return `${JSON.stringify({ event: kind, ...fields, ...(meaning && { statement: meaning }) })}\n`;
}

export function conflictJson(conflict: Conflict): string {
  return `${JSON.stringify({ event: 'conflict', ...conflict })}\n`;
}

/** One line for people: where, when, the statement's hash, and what it says if anybody told us. */
export function entryLine(
  { index, time, statementDigest }: Entry,
  meaning: KnownStatement | undefined,
): string {
  const said = meaning === undefined ? 'a statement that nobody gave us' : meaningText(meaning);
  return `${index}  ${printable(time ?? '-')}  sha256:${printable(statementDigest)}  ${printable(said)}\n`;
}

export function failureJson({ code, message }: Failure): string {
  return `${JSON.stringify({ event: 'failed', code, message })}\n`;
}

/** How far the log was read, and what stands for all of it. */
export function checkpointLine({ origin, treeSize, rootHash }: Checkpoint): string {
  return `checkpoint  ${printable(origin)}  tree size ${treeSize}  root ${printable(rootHash)}\n`;
}

export function conflictText({ reference, generation, entries }: Conflict): string {
  const said = entries.map(({ index, digest }) => `${digest} at log index ${index}`).join(' and ');
  return `conflict: ${reference}, generation ${generation} is logged as ${said}; ask who holds the signer, and trust neither`;
}

function meaningText(meaning: KnownStatement): string {
  if (meaning.kind === 'claim') return `claim ${meaning.claimId} in scope ${meaning.scope}`;
  const { reference, digest, generation } = meaning;
  return `${reference}@${digest}${generation === 0 ? '' : `, generation ${generation}`}`;
}
