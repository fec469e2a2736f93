import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AcceptedMove,
  approvalStatement,
  type Binding,
  bindingStatement,
  claimStatement,
  isApprovalText,
  parseApproval,
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
const MOVE: AcceptedMove = {
  ...BINDING,
  generation: 1,
  from: parseDigest(`sha256:${SALT}`),
  by: 'Jürgen',
  reason: 'naïve “fix” — 修正',
};
const APPROVAL_TEXT = `{"_type":"https://in-toto.io/Statement/v1","predicate":{"by":"Jürgen","claimId":"${ID}","from":"sha256:${SALT}","generation":1,"reason":"naïve “fix” — 修正","scope":"default"},"predicateType":"https://tagseal.dev/approval/v1","subject":[{"digest":{"sha256":"${HEX}"},"name":"docker.io/library/alpine:3.16.0"}]}`;

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

  it('names a generation above 0, and leaves 0 out', () => {
    expect(claimStatement({ ...CLAIM, generation: 0 })).toBe(CLAIM_TEXT);
    expect(claimStatement({ ...CLAIM, generation: 2 })).toBe(
      CLAIM_TEXT.replace('{"scope"', '{"generation":2,"scope"'),
    );
  });

  it('reads back what it wrote of a later generation', () => {
    fc.assert(
      fc.property(line, hex64, fc.integer({ min: 1 }), (scope, claimId, generation) => {
        const claim = { scope, claimId, generation };
        expect(parseClaim(claimStatement(claim))).toEqual(claim);
      }),
    );
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

describe('parseClaim of a later generation', () => {
  it.each(['0', '-1', '1.5', '"1"', 'null', '01', '1.0', '9007199254740993'])(
    'refuses generation %s',
    async (generation) => {
      const text = CLAIM_TEXT.replace('{"scope"', `{"generation":${generation},"scope"`);
      expect(await codeOf(() => parseClaim(text))).toBe('RECORD_INVALID');
    },
  );
});

describe('approvalStatement', () => {
  it('writes these bytes for ever, since they are what was signed', () => {
    expect(approvalStatement(MOVE)).toBe(APPROVAL_TEXT);
    expect(parseApproval(APPROVAL_TEXT)).toEqual(MOVE);
  });

  it('leaves out what the tag meant before where nobody knows it, and reads that back', () => {
    const { from: _, ...lost } = MOVE;
    const text = APPROVAL_TEXT.replace(/"from":"[^"]*",/, '');
    expect(approvalStatement(lost)).toBe(text);
    expect(parseApproval(text)).toEqual(lost);
  });

  it('reads back whatever a person may write', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(isApprovalText);
    fc.assert(
      fc.property(text, text, fc.maxSafeNat(), (by, reason, generation) => {
        const move = { ...MOVE, by, reason, generation };
        expect(parseApproval(approvalStatement(move))).toEqual(move);
      }),
    );
  });
});

describe('parseApproval', () => {
  it.each(BAD_FOR_BOTH)('refuses %s', async (_, change) => {
    // the row about the predicate type knows those of claims and bindings
    const text = change(APPROVAL_TEXT.replace('approval/v1', 'claim/v1')).replace('claim/v1', 'approval/v1');
    expect(text).not.toBe(APPROVAL_TEXT);
    expect(await codeOf(() => parseApproval(text))).toBe('RECORD_INVALID');
  });

  it.each([
    ['a claim', CLAIM_TEXT],
    ['a binding', BINDING_TEXT],
    ['no reason', APPROVAL_TEXT.replace(/"reason":"[^"]*",/, '')],
    ['an empty reason', APPROVAL_TEXT.replace(/"reason":"[^"]*"/, '"reason":""')],
    ['a reason of spaces', APPROVAL_TEXT.replace(/"reason":"[^"]*"/, '"reason":"  "')],
    ['a reason of 257 characters', APPROVAL_TEXT.replace('naïve', 'x'.repeat(257))],
    ['a reason of two lines', APPROVAL_TEXT.replace('naïve', 'a\\nb')],
    ['a reason that turns the text around', APPROVAL_TEXT.replace('naïve', '\u202e')],
    ['nobody', APPROVAL_TEXT.replace('Jürgen', '')],
    ['a name with an escape', APPROVAL_TEXT.replace('Jürgen', '\\u001b[2J')],
    ['a digest before that is none', APPROVAL_TEXT.replace(`"sha256:${SALT}"`, '"latest"')],
    ['a digest before that is null', APPROVAL_TEXT.replace(`"sha256:${SALT}"`, 'null')],
    ['a digest before that is a number', APPROVAL_TEXT.replace(`"sha256:${SALT}"`, '1')],
    ['a salt', APPROVAL_TEXT.replace('"scope"', `"salt":"${SALT}","scope"`)],
  ])('refuses %s', async (_, text) => {
    expect(text).not.toBe(APPROVAL_TEXT);
    expect(await codeOf(() => parseApproval(text))).toBe('RECORD_INVALID');
  });
});

describe('isApprovalText', () => {
  it.each(['a', 'Ünal', '修正', 'x'.repeat(256), '🙂'.repeat(256), 'who: "me" (CI #7)'])(
    'takes %j',
    (text) => {
      expect(isApprovalText(text)).toBe(true);
    },
  );

  it.each([
    '',
    ' ',
    'x'.repeat(257),
    'a\nb',
    'a\tb',
    '\u001b[0m',
    'a\u0085b',
    'a\u2028b',
    '\ufeffa',
    '\ud800',
  ])('refuses %j', (text) => {
    expect(isApprovalText(text)).toBe(false);
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
