import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Binding,
  bindingStatement,
  claimStatement,
  parseBinding,
  parseClaim,
  statementDigest,
} from '../../../src/ledger/statement.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const ID = 'ab'.repeat(32);
const HEX = 'cd'.repeat(32);
const SALT = 'ef'.repeat(32);
const CLAIM = { scope: 'default', claimId: ID };
const BINDING: Binding = {
  ...CLAIM,
  reference: 'docker.io/library/alpine:3.16.0',
  digest: parseDigest(`sha256:${HEX}`),
  generation: 0,
};
const CLAIM_TEXT = `{"_type":"https://in-toto.io/Statement/v1","predicate":{"scope":"default"},"predicateType":"https://tagseal.dev/claim/v1","subject":[{"digest":{"sha256":"${ID}"},"name":"tag"}]}`;
const BINDING_TEXT = `{"_type":"https://in-toto.io/Statement/v1","predicate":{"claimId":"${ID}","generation":0,"scope":"default"},"predicateType":"https://tagseal.dev/binding/v1","subject":[{"digest":{"sha256":"${HEX}"},"name":"docker.io/library/alpine:3.16.0"}]}`;

const hex64 = fc.stringMatching(/^[0-9a-f]{64}$/);
const line = fc.stringMatching(/^[ -~]{1,128}$/);
const anyBinding = fc.record(
  {
    reference: line,
    digest: hex64.map((hex) => parseDigest(`sha256:${hex}`)),
    scope: line,
    claimId: hex64,
    generation: fc.maxSafeNat(),
    salt: hex64,
  },
  { requiredKeys: ['reference', 'digest', 'scope', 'claimId', 'generation'] },
);

describe('claimStatement', () => {
  it('writes these bytes for ever, since they are what was signed', () => {
    expect(claimStatement(CLAIM)).toBe(CLAIM_TEXT);
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(line, hex64, (scope, claimId) => {
        expect(parseClaim(claimStatement({ scope, claimId }))).toEqual({ scope, claimId });
      }),
    );
  });

  it('refuses text that has no UTF-8 form', async () => {
    expect(await codeOf(() => claimStatement({ ...CLAIM, scope: '\ud800' }))).toBe('RECORD_INVALID');
  });
});

describe('bindingStatement', () => {
  it('writes these bytes for ever, since they are what was signed', () => {
    expect(bindingStatement(BINDING)).toBe(BINDING_TEXT);
  });

  it('adds the salt to the predicate when blinded', () => {
    expect(bindingStatement({ ...BINDING, salt: SALT })).toBe(
      BINDING_TEXT.replace('"scope":"default"', `"salt":"${SALT}","scope":"default"`),
    );
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(anyBinding, (binding) => {
        expect(parseBinding(bindingStatement(binding))).toEqual(binding);
      }),
    );
  });

  it('names a sha512 manifest as such', () => {
    const binding = { ...BINDING, digest: parseDigest(`sha512:${HEX}${HEX}`) };
    expect(bindingStatement(binding)).toContain(`"digest":{"sha512":"${HEX}${HEX}"}`);
    expect(parseBinding(bindingStatement(binding))).toEqual(binding);
  });
});

const BAD_FOR_BOTH: readonly (readonly [string, (text: string) => string])[] = [
  ['nothing', () => ''],
  ['no JSON', () => '{'],
  ['no object', () => '[]'],
  ['null', () => 'null'],
  ['a space at the end', (text) => `${text} `],
  ['a line feed at the end', (text) => `${text}\n`],
  ['a byte order mark', (text) => `\ufeff${text}`],
  ['a space inside', (text) => text.replace(',', ', ')],
  ['an escape where none is needed', (text) => text.replace('default', '\\u0064efault')],
  [
    'keys in another order',
    (text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse())),
  ],
  ['a repeated key', (text) => text.replace('"predicate":', '"predicate":{"scope":"x"},"predicate":')],
  ['a repeated digest', (text) => text.replace('"sha256":', `"sha256":"${SALT}","sha256":`)],
  ['another statement type', (text) => text.replace('Statement/v1', 'Statement/v0.1')],
  ['another predicate type', (text) => text.replace(/(claim|binding)\/v1/, 'other/v1')],
  ['no predicate type', (text) => text.replace(/"predicateType":"[^"]*",/, '')],
  ['no scope', (text) => text.replace(/,?"scope":"default"/, '')],
  ['a scope that is a number', (text) => text.replace('"default"', '1')],
  ['a scope that is empty', (text) => text.replace('"default"', '""')],
  ['a scope with a line feed', (text) => text.replace('default', 'de\\nfault')],
  ['an unknown field in the statement', (text) => `{"Z":1,${text.slice(1)}`],
  ['an unknown field in the predicate', (text) => text.replace('"predicate":{', '"predicate":{"a":1,')],
  ['an unknown field in the subject', (text) => text.replace('"subject":[{', '"subject":[{"a":1,')],
  ['a prototype', (text) => `{"__proto__":{},${text.slice(1)}`],
  ['no subject', (text) => text.replace(/"subject":.*/, '"subject":[]}')],
  ['a subject that is no list', (text) => text.replace(/"subject":\[(.*)\]/, '"subject":$1')],
  ['two subjects', (text) => text.replace(/"subject":\[(.*)\]/, '"subject":[$1,$1]')],
  ['no digest', (text) => text.replace(/"digest":\{[^}]*\}/, '"digest":{}')],
  ['an upper-case digest', (text) => text.replace(/"sha256":"[^"]*"/, `"sha256":"${ID.toUpperCase()}"`)],
  ['a short digest', (text) => text.replace(/"sha256":"../, '"sha256":"')],
  ['a digest that is a list', (text) => text.replace(/"sha256":("[^"]*")/, '"sha256":[$1]')],
  ['a second digest', (text) => text.replace('"digest":{', '"digest":{"gitCommit":"00",')],
  ['more than 16 KiB', (text) => text.replace('default', 'x'.repeat(17_000))],
  ['more than 16 KiB in bytes', (text) => text.replace('default', '€'.repeat(6_000))],
  ['deep nesting', () => '['.repeat(16_000)],
];

describe('parseClaim', () => {
  it.each(BAD_FOR_BOTH)('refuses %s', async (_, change) => {
    expect(change(CLAIM_TEXT)).not.toBe(CLAIM_TEXT);
    expect(await codeOf(() => parseClaim(change(CLAIM_TEXT)))).toBe('RECORD_INVALID');
  });

  it('refuses a binding, and a claim with another name', async () => {
    expect(await codeOf(() => parseClaim(BINDING_TEXT))).toBe('RECORD_INVALID');
    expect(await codeOf(() => parseClaim(CLAIM_TEXT.replace('"tag"', '"tags"')))).toBe('RECORD_INVALID');
  });
});

describe('parseBinding', () => {
  it.each(BAD_FOR_BOTH)('refuses %s', async (_, change) => {
    expect(change(BINDING_TEXT)).not.toBe(BINDING_TEXT);
    expect(await codeOf(() => parseBinding(change(BINDING_TEXT)))).toBe('RECORD_INVALID');
  });

  it.each([
    ['a claim', CLAIM_TEXT],
    ['a negative generation', BINDING_TEXT.replace(':0,', ':-1,')],
    ['half a generation', BINDING_TEXT.replace(':0,', ':0.5,')],
    ['a generation in another spelling', BINDING_TEXT.replace(':0,', ':0.0,')],
    ['a generation that no number can tell', BINDING_TEXT.replace(':0,', ':9007199254740993,')],
    ['a generation that is text', BINDING_TEXT.replace(':0,', ':"0",')],
    ['a salt that is null', BINDING_TEXT.replace(':0,', ':0,"salt":null,')],
    ['a short salt', BINDING_TEXT.replace(':0,', ':0,"salt":"ef",')],
    ['two digests', BINDING_TEXT.replace('"digest":{', `"digest":{"sha512":"${HEX}${HEX}",`)],
  ])('refuses %s', async (_, text) => {
    expect(text).not.toBe(BINDING_TEXT);
    expect(await codeOf(() => parseBinding(text))).toBe('RECORD_INVALID');
  });

  it('throws nothing but RECORD_INVALID for junk and for any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        expect(await codeOf(() => parseBinding(text))).toBe('RECORD_INVALID');
        expect(await codeOf(() => parseClaim(text))).toBe('RECORD_INVALID');
      }),
    );
  });

  it('refuses every change of a single character, or reads another binding', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(BINDING_TEXT.length - 1), fc.string({ maxLength: 2 }), async (at, put) => {
        const text = BINDING_TEXT.slice(0, at) + put + BINDING_TEXT.slice(at + 1);
        const code = await codeOf(() => parseBinding(text));
        if (code === undefined) expect(bindingStatement(parseBinding(text))).toBe(text);
        else expect(code).toBe('RECORD_INVALID');
      }),
      { numRuns: 300 },
    );
  });
});

describe('statementDigest', () => {
  it('is SHA-256 of the UTF-8 bytes', () => {
    expect(statementDigest('ä')).toBe(createHash('sha256').update(Uint8Array.of(0xc3, 0xa4)).digest('hex'));
  });
});
