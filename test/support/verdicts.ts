import { movedDenial } from '../../src/check/denial.ts';
import type { CheckContext, CheckImage, Verdict } from '../../src/check/verdict.ts';
import type { TagRecord } from '../../src/ledger/record.ts';
import type { Digest } from '../../src/reference/digest.ts';
import { isTagReference, parseReference } from '../../src/reference/parse-reference.ts';
import type { TagReference } from '../../src/reference/reference.ts';
import { digestOfA, digestOfB, sampleRecord } from './sample-record.ts';

export type Admission = Extract<Verdict, { kind: 'admit' }>;

export function tagReference(text: string): TagReference {
  const reference = parseReference(text);
  if (!isTagReference(reference)) throw new Error(`${text} has no tag`);
  return reference;
}

export function loggedRecord(text: string, digest: Digest = digestOfA): TagRecord {
  return sampleRecord(tagReference(text).canonical, {
    digest,
    phase: 'Confirmed',
    log: {
      kind: 'embedded',
      url: 'http://127.0.0.1:9090/log',
      origin: 'log',
      index: 48_210_377,
      uuid: 'ab'.repeat(32),
      time: '2026-11-02T10:00:00Z',
    },
  });
}

/** A known tag: runs digest A. */
export function admit(text: string, change: Partial<Admission> = {}): Verdict {
  const reference = parseReference(text);
  return {
    kind: 'admit',
    reference,
    pin: reference.digest ?? digestOfA,
    first: false,
    rewrite: 'tagDigest',
    mode: 'enforce',
    notes: [],
    ...(isTagReference(reference) ? { record: loggedRecord(text) } : {}),
    ...change,
  };
}

/** Recorded as A, now B. */
export function moved(text: string): Extract<Verdict, { kind: 'deny' }> {
  const reference = tagReference(text);
  const record = loggedRecord(text);
  const denial = movedDenial(reference, record, { kind: 'moved', recorded: digestOfA, current: digestOfB });
  return { kind: 'deny', reference, record, denial };
}

export interface ScriptedCheck {
  readonly checkImage: CheckImage;
  /** Every call, in order. */
  readonly calls: { readonly text: string; readonly context: CheckContext }[];
}

/** Answers by image text, and what is not in the table with `otherwise`. */
export function scriptedCheck(
  table: Readonly<Record<string, Verdict>>,
  otherwise: (text: string) => Verdict = admit,
): ScriptedCheck {
  const calls: { text: string; context: CheckContext }[] = [];
  return {
    calls,
    checkImage: async (text, context) => {
      calls.push({ text, context });
      return table[text] ?? otherwise(text);
    },
  };
}
