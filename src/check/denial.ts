import type { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Judgement } from '../ledger/judge.ts';
import type { KnownRecord } from '../ledger/record.ts';
import { digestAlgorithm } from '../reference/parse-digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { Denial } from './verdict.ts';

// The texts that people read in `kubectl apply`. Stable: no counters, no clocks, or Events stop aggregating.

export function movedDenial(
  reference: TagReference,
  record: KnownRecord | undefined,
  { recorded, current }: Extract<Judgement, { kind: 'moved' }>,
): Denial {
  return {
    reason: 'TAG_MOVED',
    expected: recorded,
    actual: current,
    message: [
      `tag moved: ${reference.canonical}`,
      `  recorded ${recorded}${provenance(record)}`,
      `  now      ${current}`,
      `use the recorded digest, publish a new tag, or accept the move: ` +
        `tagseal accept ${reference.canonical}@${current} --reason "..."`,
    ].join('\n'),
  };
}

export function pairDenial(
  reference: TagReference,
  record: KnownRecord | undefined,
  { wanted, means }: Extract<Judgement, { kind: 'pairMismatch' }>,
): Denial {
  const isOtherKind = digestAlgorithm(wanted) !== digestAlgorithm(means);
  return {
    reason: 'DIGEST_NOT_RECORDED',
    expected: means,
    actual: wanted,
    message: [
      isOtherKind
        ? `digest cannot be compared: ${reference.canonical}`
        : `digest is not the tag's: ${reference.canonical}`,
      `  ${record === undefined ? 'now     ' : 'recorded'} ${means}${provenance(record)}`,
      `  written  ${wanted}`,
      isOtherKind
        ? `only ${digestAlgorithm(means)} is recorded: write that digest, or leave the tag out to use yours alone`
        : `write the digest that the tag means, or leave the tag out to use that digest alone`,
    ].join('\n'),
  };
}

export function notRecordedDenial(reference: TagReference): Denial {
  return {
    reason: 'NOT_RECORDED',
    message: [
      `not recorded: ${reference.canonical}`,
      `record it first: tagseal record ${reference.canonical}`,
    ].join('\n'),
  };
}

export function unreachedDenial(text: string, error: AppError): Denial {
  const { code, message, retryAfterSeconds } = error;
  return {
    reason: code,
    message: `no verdict for ${quote(text)}: ${message}`,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}

/** Unknown errors keep their text to themselves: `id` finds it in the log. */
export function internalDenial(text: string, id: string): Denial {
  return {
    reason: 'INTERNAL',
    message: `no verdict for ${quote(text)}: internal error ${id}: see Tagseal's log`,
  };
}

/** When and where it was recorded: the log's time where there is one, else the day of our first sight. */
function provenance(record: KnownRecord | undefined): string {
  if (record === undefined) return '';
  const day = (record.log?.time ?? record.firstSeen).slice(0, 10);
  return record.log === undefined ? `  ${day}` : `  ${day}, log index ${record.log.index}`;
}
