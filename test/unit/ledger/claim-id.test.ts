import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bindingSalt, blindedClaimId, isScope, plainClaimId } from '../../../src/ledger/claim-id.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const REFERENCE = 'docker.io/library/alpine:3.16.0';
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const KEY = Buffer.alloc(32, 7);
const CLAIM_TEXT = `tagseal/claim/v1\ndefault\n${REFERENCE}`;

describe('plainClaimId', () => {
  it('is SHA-256 of the claim text, so that anybody can look up a public tag', () => {
    expect(plainClaimId('default', REFERENCE)).toBe(createHash('sha256').update(CLAIM_TEXT).digest('hex'));
  });

  it('never changes: records of old releases depend on it', () => {
    expect(plainClaimId('default', REFERENCE)).toBe(
      '4ac551bf506dbf75dbdd1e956b151d7e3f38171178d3656dc1eefb9ea3a8270d',
    );
  });
});

describe('blindedClaimId', () => {
  it('is HMAC-SHA-256 of the claim text', () => {
    expect(blindedClaimId(KEY, 'default', REFERENCE)).toBe(
      createHmac('sha256', KEY).update(CLAIM_TEXT).digest('hex'),
    );
  });

  it('differs between keys', () => {
    expect(blindedClaimId(KEY, 'default', REFERENCE)).not.toBe(
      blindedClaimId(Buffer.alloc(32, 8), 'default', REFERENCE),
    );
  });
});

describe('bindingSalt', () => {
  it('is HMAC-SHA-256 of the binding text', () => {
    const text = `tagseal/binding/v1\ndefault\n${REFERENCE}\n${DIGEST}`;
    expect(bindingSalt(KEY, 'default', REFERENCE, DIGEST)).toBe(
      createHmac('sha256', KEY).update(text).digest('hex'),
    );
  });
});

describe('scopes', () => {
  it.each(['default', 'a', 'acme prod/eu-1', 'x'.repeat(128)])('accepts %p', (scope) => {
    expect(isScope(scope)).toBe(true);
    expect(plainClaimId(scope, REFERENCE)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each(['', 'a\nb', '\n', 'a\n', 'a\u0000', 'tab\t', 'ä', '\ud800', 'x'.repeat(129)])(
    'refuses %p',
    async (scope) => {
      expect(isScope(scope)).toBe(false);
      expect(await codeOf(() => plainClaimId(scope, REFERENCE))).toBe('CONFIG_INVALID');
      expect(await codeOf(() => blindedClaimId(KEY, scope, REFERENCE))).toBe('CONFIG_INVALID');
      expect(await codeOf(() => bindingSalt(KEY, scope, REFERENCE, DIGEST))).toBe('CONFIG_INVALID');
    },
  );
});

describe('blinding keys', () => {
  it('refuses a key that could be guessed, without showing it', async () => {
    const short = Buffer.from('fifteen bytes!!');
    expect(await codeOf(() => blindedClaimId(short, 'default', REFERENCE))).toBe('KEY_INVALID');
    expect(await codeOf(() => bindingSalt(short, 'default', REFERENCE, DIGEST))).toBe('KEY_INVALID');
    expect(() => blindedClaimId(short, 'default', REFERENCE)).not.toThrow(/fifteen/);
  });
});
