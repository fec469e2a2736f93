import { describe, expect, it } from '@jest/globals';
import { exitCodeOf, exitCodeOfReason, worst } from '../../../src/cli/exit-code.ts';
import type { DenialReason, Verdict } from '../../../src/check/verdict.ts';
import { ERROR_CODES } from '../../../src/errors/code.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';
import { digestOfA, sampleRecord } from '../../support/sample-record.ts';

const TABLE: Readonly<Record<number, readonly DenialReason[]>> = {
  1: ['TAG_MOVED', 'DIGEST_NOT_RECORDED', 'NOT_RECORDED'],
  2: [
    'REFERENCE_INVALID',
    'POLICY_INVALID',
    'CONFIG_INVALID',
    'KEY_INVALID',
    'CREDENTIALS_INVALID',
    'REVIEW_INVALID',
    'DOCUMENT_INVALID',
    'REGISTRY_NOT_ALLOWED',
    'ADDRESS_FORBIDDEN',
    'ADDRESS_IN_USE',
    'LOG_IN_USE',
    'KUBERNETES_REFUSED',
  ],
  3: [
    'REGISTRY_UNAUTHORIZED',
    'REGISTRY_RATE_LIMITED',
    'REGISTRY_UNAVAILABLE',
    'REGISTRY_ANSWER_INVALID',
    'MANIFEST_UNKNOWN',
    'BLOB_UNKNOWN',
    'LOG_UNAVAILABLE',
    'SIGNER_UNAVAILABLE',
    'TRUST_ROOT_UNAVAILABLE',
    'STORE_UNAVAILABLE',
    'KUBERNETES_UNAVAILABLE',
    'DEADLINE_EXCEEDED',
  ],
  4: [
    'DIGEST_MISMATCH',
    'LOG_ENTRY_INVALID',
    'LOG_PROOF_INVALID',
    'LOG_FORKED',
    'LOG_CROWDED',
    'TRUST_ROOT_INVALID',
    'IDENTITY_MISMATCH',
    'RECORD_INVALID',
    'RECORD_LOST',
    'RECORD_CONFLICTED',
    'RECORD_UNLOGGED',
  ],
  70: ['INTERNAL'],
};

const rows = Object.entries(TABLE).flatMap(([code, reasons]) =>
  reasons.map((reason) => ({ reason, code: Number(code) })),
);

describe('exit codes', () => {
  it.each(rows)('$reason exits $code', ({ reason, code }) => {
    expect(exitCodeOfReason(reason)).toBe(code);
  });

  it('names every error code there is', () => {
    expect(ERROR_CODES.filter((code) => !rows.some(({ reason }) => reason === code))).toEqual([]);
  });

  const reference = parseReference('alpine:3.16');
  const denial = { reason: 'TAG_MOVED', message: 'moved' } as const;
  const verdicts: readonly { readonly verdict: Verdict; readonly code: number }[] = [
    {
      verdict: {
        kind: 'admit',
        reference,
        pin: digestOfA,
        first: true,
        rewrite: 'none',
        mode: 'enforce',
        notes: [],
      },
      code: 0,
    },
    { verdict: { kind: 'exempt', reference, why: 'a rule' }, code: 0 },
    { verdict: { kind: 'pending', reference, record: sampleRecord(), retryAfterSeconds: 1 }, code: 3 },
    { verdict: { kind: 'deny', denial }, code: 1 },
    { verdict: { kind: 'report', mode: 'warn', denial }, code: 1 },
  ];
  it.each(verdicts)('the verdict $verdict.kind exits $code', ({ verdict, code }) => {
    expect(exitCodeOf(verdict)).toBe(code);
  });

  it.each([
    { codes: [], expected: 0 },
    { codes: [0, 3], expected: 3 },
    { codes: [3, 2], expected: 2 },
    { codes: [2, 1, 0], expected: 1 },
    { codes: [1, 4], expected: 4 },
    { codes: [4, 70, 1], expected: 70 },
  ])('of $codes the worst is $expected', ({ codes, expected }) => {
    expect(worst(codes)).toBe(expected);
  });
});
