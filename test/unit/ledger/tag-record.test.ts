import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LoggedStatement, SignedStatement } from '../../../src/ledger/evidence.ts';
import { bindingSalt, blindedClaimId, plainClaimId } from '../../../src/ledger/claim-id.ts';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { approvalStatement, bindingStatement, claimStatement } from '../../../src/ledger/statement.ts';
import {
  checkRecordStatements,
  isLogged,
  parseTagRecord,
  recordName,
} from '../../../src/ledger/tag-record.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const KEY = Buffer.alloc(32, 1);
const SCOPE = 'default';
const REFERENCE = 'ghcr.io/acme/api:1.4.2';
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);

function signed(statement: string): SignedStatement {
  return { statement, signature: 'MEUC', verifier: { kind: 'publicKey', spki: 'MFkw' } };
}

function logged(statement: SignedStatement): LoggedStatement {
  return { ...statement, bundle: { mediaType: 'x' } };
}

function reserved(change: Partial<TagRecord> = {}): TagRecord {
  const claimId = plainClaimId(SCOPE, REFERENCE);
  const said = { reference: REFERENCE, digest: DIGEST, scope: SCOPE, claimId, generation: 0 };
  return {
    ...said,
    privacy: 'plain',
    firstSeen: '2026-11-02T10:00:00Z',
    origin: 'proxy',
    phase: 'Reserved',
    reservedAt: { origin: 'log.example', treeSize: 7 },
    claim: signed(claimStatement(said)),
    binding: signed(bindingStatement(said)),
    ...change,
  };
}

function blinded(): TagRecord {
  const claimId = blindedClaimId(KEY, SCOPE, REFERENCE);
  const salt = bindingSalt(KEY, SCOPE, REFERENCE, DIGEST);
  const said = { reference: REFERENCE, digest: DIGEST, scope: SCOPE, claimId, generation: 0 };
  return reserved({
    claimId,
    privacy: 'blinded',
    claim: signed(claimStatement(said)),
    binding: signed(bindingStatement({ ...said, salt })),
  });
}

/** Generation 1, which somebody has accepted. */
function accepted(change: Partial<Parameters<typeof approvalStatement>[0]> = {}): TagRecord {
  const claimId = plainClaimId(SCOPE, REFERENCE);
  const said = { reference: REFERENCE, digest: DIGEST, scope: SCOPE, claimId, generation: 1 };
  const from = parseDigest(`sha256:${'b'.repeat(64)}`);
  const approval = approvalStatement({ ...said, from, by: 'me', reason: 'a fix', ...change });
  return reserved({
    generation: 1,
    claim: signed(claimStatement(said)),
    binding: signed(bindingStatement(said)),
    approval: { ...signed(approval), timestamp: 'MIIB' },
  });
}

function confirmed(): TagRecord {
  const record = reserved();
  return {
    ...record,
    phase: 'Confirmed',
    claim: logged(record.claim),
    binding: {
      ...logged(record.binding),
      verifier: { kind: 'certificate', der: 'MIIB' },
    },
    log: {
      kind: 'embedded',
      url: 'http://127.0.0.1:9090',
      origin: 'log.example',
      index: 8,
      uuid: 'ab'.repeat(32),
      time: '2026-11-02T10:00:01.5+01:00',
    },
  };
}

describe('parseTagRecord', () => {
  it.each([
    ['a reservation', reserved()],
    ['a blinded reservation', blinded()],
    ['a confirmed record', confirmed()],
    ['a record whose log gives no time', { ...confirmed(), log: { ...confirmed().log, time: undefined } }],
    ['a reservation of which the claim alone is logged', reserved({ claim: logged(reserved().claim) })],
    ['a lost tag', reserved({ phase: 'Lost' })],
    ['a later generation', reserved({ generation: 3 })],
    ['an accepted move', accepted()],
    ['an imported record', { ...confirmed(), origin: 'import' }],
    ['a statement with its timestamp', reserved({ claim: { ...reserved().claim, timestamp: 'MIIB' } })],
  ])('reads %s back from its JSON', (_, record) => {
    const json: unknown = JSON.parse(JSON.stringify(record));
    expect(parseTagRecord(json)).toEqual(json);
  });

  const log = confirmed().log;
  const bad: readonly (readonly [string, unknown])[] = [
    ['reference', 1],
    ['reference', ''],
    ['reference', 'alpine'],
    ['reference', 'docker.io/library/alpine'],
    ['reference', 'GHCR.io/acme/api:1'],
    ['reference', `ghcr.io/acme/api:1@${DIGEST}`],
    ['reference', `ghcr.io/acme/api@${DIGEST}`],
    ['reference', 'ghcr.io/a..b:1'],
    ['reference', 'x'.repeat(513)],
    ['digest', 'sha256:aa'],
    ['digest', [DIGEST]],
    ['scope', 'a\nb'],
    ['scope', null],
    ['claimId', 'AB'.repeat(32)],
    ['claimId', 'ab'],
    ['generation', -1],
    ['generation', 1.5],
    ['generation', '0'],
    ['generation', 2 ** 53],
    ['privacy', 'auto'],
    ['firstSeen', 'yesterday'],
    ['firstSeen', '2026-11-02'],
    ['firstSeen', '2026-13-02T10:00:00Z'],
    ['firstSeen', 1_700_000_000],
    ['origin', 'elsewhere'],
    ['phase', 'reserved'],
    ['phase', 'Logged'],
    ['phase', 'Confirmed'],
    ['reservedAt', null],
    ['reservedAt', { origin: 'x' }],
    ['reservedAt', { origin: 'x', treeSize: -1 }],
    ['reservedAt', { origin: 'a\nb', treeSize: 1 }],
    ['reservedAt', { origin: 'x', treeSize: 1, extra: 1 }],
    ['claim', 'text'],
    ['claim', { ...reserved().claim, statement: '' }],
    ['claim', { ...reserved().claim, statement: 'x'.repeat(16_385) }],
    ['claim', { ...reserved().claim, statement: 'a\nb' }],
    ['claim', { ...reserved().claim, signature: '' }],
    ['claim', { ...reserved().claim, signature: 'MEU' }],
    ['claim', { ...reserved().claim, signature: 'MEV=' }],
    ['claim', { ...reserved().claim, signature: 'ME C' }],
    ['claim', { ...reserved().claim, signature: 'A'.repeat(1_000_000) }],
    ['claim', { ...reserved().claim, verifier: { kind: 'none' } }],
    ['claim', { ...reserved().claim, verifier: { kind: 'publicKey', der: 'MFkw' } }],
    ['claim', { ...reserved().claim, verifier: { kind: 'publicKey', spki: 'MFkw', der: 'MFkw' } }],
    ['claim', { ...reserved().claim, verifier: { kind: 'certificate', spki: 'MFkw' } }],
    ['claim', { ...reserved().claim, verifier: { kind: 'certificate' } }],
    ['claim', { ...reserved().claim, bundle: [] }],
    ['claim', { ...reserved().claim, bundle: null }],
    ['claim', { ...reserved().claim, more: 1 }],
    ['claim', { ...reserved().claim, timestamp: 'MEU' }],
    ['claim', { ...reserved().claim, timestamp: null }],
    ['binding', undefined],
    ['approval', null],
    ['approval', { ...reserved().claim, verifier: { kind: 'none' } }],
    ['approval', { ...reserved().claim, bundle: {} }],
    ['outdated', null],
    ['outdated', { 0: 'MEUC' }],
    ['outdated', ['MEUC', 'MEV=']],
    ['outdated', [['MEUC']]],
    ['outdated', Array.from({ length: 33 }, () => 'MEUC')],
    ['log', null],
    ['log', { ...log, index: -1 }],
    ['log', { ...log, uuid: 'xyz' }],
    ['log', { ...log, time: 'now' }],
    ['log', { ...log, url: '' }],
    ['log', { ...log, more: 1 }],
    ['more', 1],
    ['__proto__', 1],
  ];
  it.each(bad)('refuses a record whose %s is %j, and names the field', async (field, value) => {
    const record: unknown = Object.fromEntries([...Object.entries(reserved()), [field, value]]);
    expect(await codeOf(() => parseTagRecord(record))).toBe('RECORD_INVALID');
    expect(() => parseTagRecord(record)).toThrow(`record.${field}`);
  });

  it('refuses a record from which any one field is missing, but the log entry', async () => {
    const entries = Object.entries(reserved());
    for (const [missing] of entries) {
      const record: unknown = Object.fromEntries(entries.filter(([name]) => name !== missing));
      expect(await codeOf(() => parseTagRecord(record))).toBe('RECORD_INVALID');
    }
  });

  it('throws nothing but RECORD_INVALID for junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (junk) => {
        expect(await codeOf(() => parseTagRecord(junk))).toBe('RECORD_INVALID');
      }),
    );
  });

  it('throws nothing but RECORD_INVALID for a record with junk in one field', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(confirmed())), fc.anything(), async (field, junk) => {
        const record = { ...confirmed(), [field]: junk };
        expect([undefined, 'RECORD_INVALID']).toContain(await codeOf(() => parseTagRecord(record)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('checkRecordStatements', () => {
  it('accepts plain and blinded records that agree with their statements', async () => {
    expect(await codeOf(() => checkRecordStatements(reserved()))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(reserved(), KEY))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(blinded(), KEY))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(blinded(), 'unknown'))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(reserved(), 'unknown'))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(accepted()))).toBeUndefined();
    expect(await codeOf(() => checkRecordStatements(withoutApproval(accepted())))).toBeUndefined();
  });

  const said = {
    reference: REFERENCE,
    digest: DIGEST,
    scope: SCOPE,
    claimId: reserved().claimId,
    generation: 0,
  };
  const elsewhere = 'ghcr.io/acme/other:1';
  const bad: readonly (readonly [string, TagRecord, (Buffer | 'unknown')?])[] = [
    ['a record of another reference', reserved({ reference: elsewhere })],
    [
      'a record of another reference and its claim id',
      reserved({ reference: elsewhere, claimId: plainClaimId(SCOPE, elsewhere) }),
    ],
    ['another digest', reserved({ digest: parseDigest(`sha256:${'b'.repeat(64)}`) })],
    ['another scope', reserved({ scope: 'other' })],
    [
      'another scope and its claim id',
      reserved({ scope: 'other', claimId: plainClaimId('other', REFERENCE) }),
    ],
    ['another claim id', reserved({ claimId: 'ab'.repeat(32) })],
    [
      'a claim id that both statements give, and that stands for something else',
      reserved({
        claimId: 'ab'.repeat(32),
        claim: signed(claimStatement({ ...said, claimId: 'ab'.repeat(32) })),
        binding: signed(bindingStatement({ ...said, claimId: 'ab'.repeat(32) })),
      }),
    ],
    ['another generation', reserved({ generation: 1 })],
    ['the claim of another generation', { ...accepted(), claim: reserved().claim }],
    ['the binding of another generation', { ...accepted(), binding: reserved().binding }],
    ['an approval of another generation', accepted({ generation: 2 })],
    ['an approval of another digest', accepted({ digest: parseDigest(`sha256:${'c'.repeat(64)}`) })],
    ['an approval of another reference', accepted({ reference: elsewhere })],
    ['an approval of another scope', accepted({ scope: 'other' })],
    ['an approval of another claim', accepted({ claimId: 'ab'.repeat(32) })],
    ['an approval of a move that is none', accepted({ from: DIGEST })],
    ['an approval that is a binding', { ...accepted(), approval: accepted().binding }],
    [
      'an approval of a first sight',
      reserved({
        approval: signed(
          approvalStatement({
            ...said,
            from: parseDigest(`sha256:${'b'.repeat(64)}`),
            by: 'me',
            reason: 'none',
          }),
        ),
      }),
    ],
    [
      'the claim of another tag',
      reserved({ claim: signed(claimStatement({ ...said, claimId: 'ab'.repeat(32) })) }),
    ],
    ['the claim of another scope', reserved({ claim: signed(claimStatement({ ...said, scope: 'other' })) })],
    [
      'a binding of another tag',
      reserved({ binding: signed(bindingStatement({ ...said, reference: elsewhere })) }),
    ],
    [
      'a plain binding with a salt',
      reserved({ binding: signed(bindingStatement({ ...said, salt: 'ab'.repeat(32) })) }),
    ],
    [
      'statements in each other\u2019s place',
      reserved({ claim: reserved().binding, binding: reserved().claim }),
    ],
    ['a plain record that says it is blinded', reserved({ privacy: 'blinded' }), KEY],
    ['a blinded record that says it is plain', { ...blinded(), privacy: 'plain' }, KEY],
    ['a blinded record of another key', blinded(), Buffer.alloc(32, 2)],
    ['a blinded record without a key', blinded()],
    ['to a reader, a blinded record of another tag', { ...blinded(), reference: elsewhere }, 'unknown'],
    ['to a reader, a blinded record of another claim', { ...blinded(), claimId: 'ab'.repeat(32) }, 'unknown'],
    [
      'to a reader, a blinded record whose claim is of another tag',
      { ...blinded(), claim: signed(claimStatement({ ...said, claimId: 'ab'.repeat(32) })) },
      'unknown',
    ],
    [
      'to a reader, a blinded binding without salt',
      { ...blinded(), binding: signed(bindingStatement({ ...said, claimId: blinded().claimId })) },
      'unknown',
    ],
    ['to a reader, a plain record of another claim', reserved({ claimId: 'ab'.repeat(32) }), 'unknown'],
    [
      'a blinded binding without its salt',
      { ...blinded(), binding: signed(bindingStatement({ ...said, claimId: blinded().claimId })) },
      KEY,
    ],
    [
      'a blinded binding with another salt',
      {
        ...blinded(),
        binding: signed(bindingStatement({ ...said, claimId: blinded().claimId, salt: 'ab'.repeat(32) })),
      },
      KEY,
    ],
  ];
  it.each(bad.map(([title, record, key]) => ({ title, record, key })))(
    'refuses $title',
    async ({ record, key }) => {
      expect(await codeOf(() => checkRecordStatements(record, key))).toBe('RECORD_INVALID');
    },
  );
});

function withoutApproval({ approval: _, ...record }: TagRecord): TagRecord {
  return record;
}

describe('isLogged', () => {
  it('tells a statement with a bundle from one without', () => {
    expect([isLogged(confirmed().claim), isLogged(reserved().claim)]).toEqual([true, false]);
  });
});

describe('recordName', () => {
  it.each([
    [0, `t-${'ab'.repeat(20)}`],
    [1, `t-${'ab'.repeat(20)}-1`],
    [12, `t-${'ab'.repeat(20)}-12`],
  ])('names generation %p %p', (generation, name) => {
    expect(recordName('ab'.repeat(32), generation)).toBe(name);
  });
});
