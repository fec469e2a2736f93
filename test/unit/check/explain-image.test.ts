import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import { makeExplainImage, type Explanation } from '../../../src/check/explain-image.ts';
import type { VerifiedRecord } from '../../../src/check/ports.ts';
import type { Verdict } from '../../../src/check/verdict.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors/code.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { makeMemoryLedger, type MemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:3.16';
const sha512 = parseDigest(`sha512:${'c'.repeat(128)}`);
const { signal } = new AbortController();

interface Case {
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly text?: string;
  readonly record?: Digest | undefined;
  /** Of the record; true unless said otherwise. */
  readonly logged?: boolean;
  /** What only the store knows: somebody accepted a move. */
  readonly elsewhere?: Digest | undefined;
  readonly now?: Digest | ErrorCode | undefined;
  readonly ledger?: Parameters<MemoryLedger['behave']>[0];
  /** What the log says of a tag without a record. */
  readonly foreseen?: MemoryLedger['foreseen'];
}

function setUp({
  rule = {},
  record,
  logged = true,
  elsewhere,
  now,
  ledger: how = 'normal',
  foreseen = 'new',
}: Case) {
  const ledger = makeMemoryLedger();
  ledger.foreseen = foreseen;
  const resolver = makeScriptedResolver();
  const log = { kind: 'rekor-v1', url: 'https://log.test', origin: 'log.test', index: 41, uuid: 'ab' };
  const entry = logged ? { log, phase: 'Logged' as const } : {};
  if (record !== undefined) ledger.put({ record: sampleRecord(TAG, { digest: record, ...entry }), logged });
  if (elsewhere !== undefined) {
    ledger.putElsewhere({
      record: sampleRecord(TAG, { digest: elsewhere, generation: 1, ...entry }),
      logged: true,
    });
  }
  if (now !== undefined) resolver.now(TAG, now);
  ledger.behave(how);
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const parts = { policy: () => policy, ledger, resolver, incident: () => 'incident' };
  return { ledger, parts, explain: makeExplainImage(parts), checkImage: makeCheckImage(parts) };
}

function explained(one: Case): Promise<Explanation> {
  return setUp(one).explain(one.text ?? 'alpine:3.16', signal);
}

const told = ({ steps }: Explanation) => steps.map(({ step, says }) => `${step}: ${says}`).join('\n');

const CASES: readonly (readonly [string, Case, readonly (string | RegExp)[]])[] = [
  [
    'a new tag',
    { now: digestOfA },
    [
      `reference: "alpine:3.16" means ${TAG} (registry docker.io added, library/ added)`,
      /rule: rule ".*" applies by image pattern "\*\*": mode enforce, onMoved deny, recheck always/,
      'record: there is no record of it',
      `registry: the registry says ${digestOfA} now, a manifest that was fetched and hashed`,
      'log: the log holds no claim of it: it is new',
      `judgement: ${digestOfA} is not recorded yet`,
      `verdict: admitted: it would be recorded as ${digestOfA}`,
      `tagseal record ${TAG}`,
    ],
  ],
  [
    'a tag that the log has, and the store not',
    { now: digestOfA, foreseen: 'restorable' },
    [
      'record: there is no record of it here',
      'log: the log has it with this very digest',
      `verdict: admitted: its record would be restored as ${digestOfA}`,
    ],
  ],
  [
    'a tag that is lost',
    { now: digestOfA, foreseen: 'RECORD_LOST' },
    ['log: the log says that it is not new (RECORD_LOST)', 'verdict: refused: RECORD_LOST'],
  ],
  [
    'a tag without a record while the log is away',
    { now: digestOfA, foreseen: 'LOG_UNAVAILABLE' },
    ['log: whether the log knows it cannot be told (LOG_UNAVAILABLE)', 'verdict: refused: LOG_UNAVAILABLE'],
  ],
  [
    'a known tag',
    { record: digestOfA, now: digestOfA },
    [
      `record: it is recorded as ${digestOfA}, first seen 2026-11-02T10:00:00.000Z by cli`,
      'entry 41 of rekor-v1 "log.test" proves it',
      `registry: the registry says ${digestOfA} now, its word for a known tag`,
      `verdict: admitted: ${digestOfA} runs`,
    ],
  ],
  [
    'a moved tag',
    { record: digestOfA, now: digestOfB },
    [
      'record: before a refusal the store is asked once more: generation 0 is the newest',
      `the tag has moved: it was recorded as ${digestOfA}, and is ${digestOfB} now`,
      'verdict: refused: TAG_MOVED',
      `tagseal accept ${TAG}@${digestOfB}`,
    ],
  ],
  [
    'a moved tag where only a warning is wanted',
    { record: digestOfA, now: digestOfB, rule: { mode: 'warn' } },
    ['mode warn', 'let through unpinned, since mode warn refuses nothing: TAG_MOVED'],
  ],
  [
    'a moved tag whose recorded digest shall run',
    { record: digestOfA, now: digestOfB, rule: { onMoved: 'pinRecorded' } },
    ['judgement: the tag has moved', `admitted: the recorded ${digestOfA} runs, since the rule says onMoved`],
  ],
  [
    'a move that somebody has accepted meanwhile',
    { record: digestOfA, elsewhere: digestOfB, now: digestOfB },
    [
      `record: before a refusal the store is asked once more: it is recorded as ${digestOfB}, generation 1`,
      `judgement: nothing contradicts the record: the tag means ${digestOfB}`,
      `admitted: ${digestOfB} runs`,
    ],
  ],
  [
    'a reserved tag',
    { record: digestOfA, logged: false, now: digestOfA },
    ['only reserved so far', 'the log does not prove it yet', `verdict: not yet: ${digestOfA}`, 'ask again'],
  ],
  [
    'a reserved tag that need not wait for the log',
    { record: digestOfA, logged: false, now: digestOfA, rule: { recording: 'deferred' } },
    ['only reserved so far', `admitted: ${digestOfA} runs although the log does not prove it yet`],
  ],
  [
    'a tracked tag that has moved',
    { record: digestOfA, now: digestOfB, rule: { mutableTags: [{ tags: ['3.*'], as: 'track' }] } },
    ['and tag pattern "3.*"', 'the tag may move', `it would be recorded as ${digestOfB}`],
  ],
  [
    'an exempt tag',
    { rule: { mutableTags: [{ tags: ['3.*'], as: 'exempt' }] } },
    ['exempts tag "3.16"', 'neither recorded nor checked', 'verdict: let through as it is'],
  ],
  ['a rule that is off', { rule: { mode: 'off' } }, [/rule: rule ".*" is off/, 'verdict: let through']],
  [
    'a recorded digest beside its tag',
    { text: `alpine:3.16@${digestOfA}`, record: digestOfA },
    ['the pair is checked', 'the registry was not asked: the digest that is written is the recorded one'],
  ],
  [
    'another digest beside a tag',
    { text: `alpine:3.16@${digestOfB}`, record: digestOfA, now: digestOfA },
    [
      `judgement: the digest that is written is ${digestOfB}, and the tag means ${digestOfA}`,
      'verdict: refused: DIGEST_NOT_RECORDED; write the digest that the tag means',
    ],
  ],
  [
    'a digest that cannot be compared',
    { text: `alpine:3.16@${sha512}`, record: digestOfA, now: digestOfA },
    [sha512, 'verdict: refused: DIGEST_NOT_RECORDED; only sha256 is recorded'],
  ],
  [
    'a rule without rechecks',
    { record: digestOfA, rule: { recheck: 'never' } },
    ['recheck never', 'the registry was not asked: the rule wants no recheck'],
  ],
  [
    'a digest alone',
    { text: `alpine@${digestOfA}` },
    [`it means ${digestOfA} for ever, and needs no record`, `admitted: ${digestOfA} runs`],
  ],
  ['what is no reference', { text: 'A B' }, ['reference: "A B" is no image reference', 'REFERENCE_INVALID']],
  [
    'a registry that is away, of a known tag',
    { record: digestOfA, now: 'REGISTRY_UNAVAILABLE' },
    [
      'could not say what the tag means now (REGISTRY_UNAVAILABLE)',
      'that is forgiven for a known tag',
      `admitted: ${digestOfA} runs`,
    ],
  ],
  [
    'a registry that is away, of a new tag',
    { now: 'REGISTRY_UNAVAILABLE' },
    ['could not say', 'nothing could be compared', 'refused: REGISTRY_UNAVAILABLE'],
  ],
  [
    'a registry that is away, of a new tag, where that is forgiven',
    { now: 'REGISTRY_UNAVAILABLE', rule: { onUnresolvable: 'warn' } },
    ['let through unpinned, since onUnresolvable warn forgives it: REGISTRY_UNAVAILABLE'],
  ],
  [
    'a registry that wants to be asked later',
    { now: 'REGISTRY_RATE_LIMITED' },
    ['refused: REGISTRY_RATE_LIMITED; ask again in 7 s'],
  ],
  ['a log that is away', { ledger: { fail: 'LOG_UNAVAILABLE' } }, ['refused: LOG_UNAVAILABLE']],
  [
    'evidence that does not verify',
    { ledger: { fail: 'LOG_PROOF_INVALID' } },
    ['what is recorded cannot be told (LOG_PROOF_INVALID)', 'refused: LOG_PROOF_INVALID'],
  ],
  ['a lost record', { ledger: { fail: 'RECORD_LOST' } }, ['(RECORD_LOST)', 'refused: RECORD_LOST']],
  ['a store that is away', { ledger: { fail: 'STORE_UNAVAILABLE' } }, ['refused: STORE_UNAVAILABLE']],
];

/** The digest or reason that the last step must name. */
function namedBy(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'admit':
      return verdict.pin;
    case 'pending':
      return verdict.record?.digest ?? 'recorded';
    case 'exempt':
      return verdict.why;
    case 'deny':
    case 'report':
      return verdict.denial.reason;
  }
}

const WORDS: Readonly<Record<Verdict['kind'], RegExp>> = {
  admit: /^admitted: /,
  deny: /^refused: /,
  report: /^let through unpinned/,
  exempt: /^let through as it is/,
  pending: /^not yet: /,
};

function someCase(): fc.Arbitrary<Case> {
  const digest = fc.constantFrom(digestOfA, digestOfB);
  const mutableTags = (as: string) => [{ tags: ['3.*'], as }];
  return fc.record({
    text: fc.constantFrom('alpine:3.16', 'A B', ...[digestOfA, digestOfB, sha512].map((d) => `${TAG}@${d}`)),
    record: fc.option(digest, { nil: undefined }),
    logged: fc.boolean(),
    elsewhere: fc.option(digest, { nil: undefined }),
    now: fc.option(fc.oneof(digest, fc.constantFrom(...ERROR_CODES)), { nil: undefined }),
    ledger: fc.oneof(
      { weight: 4, arbitrary: fc.constant('normal' as const) },
      { weight: 1, arbitrary: fc.record({ fail: fc.constantFrom(...ERROR_CODES) }) },
    ),
    rule: fc.record(
      {
        mode: fc.constantFrom('enforce', 'warn', 'audit', 'off'),
        recheck: fc.constantFrom('always', 'interval', 'never'),
        onMoved: fc.constantFrom('deny', 'pinRecorded'),
        onUnresolvable: fc.constantFrom('deny', 'warn', 'pinRecorded'),
        recording: fc.constantFrom('required', 'deferred'),
        mutableTags: fc.constantFrom(mutableTags('track'), mutableTags('exempt')),
      },
      { requiredKeys: [] },
    ),
  });
}

describe('explainImage', () => {
  it.each(CASES)('says why of %s', async (_what, one, sentences) => {
    const story = told(await explained(one));
    for (const sentence of sentences) {
      if (typeof sentence === 'string') expect(story).toContain(sentence);
      else expect(story).toMatch(sentence);
    }
  });

  it.each(CASES)('gives the verdict of a check on %s, and records nothing', async (_what, one) => {
    const { explain, checkImage, ledger } = setUp(one);
    const text = one.text ?? 'alpine:3.16';
    const context = { origin: 'cli', mayRecord: false, mayResolve: true, signal } as const;
    expect((await explain(text, signal)).verdict).toEqual(await checkImage(text, context));
    expect([ledger.recorded, ledger.advanced]).toEqual([[], []]);
  });

  it('tells question, answers, judgement and verdict in this order', async () => {
    const { steps } = await explained({ record: digestOfA, now: digestOfA });
    expect(steps.map(({ step }) => step)).toEqual([
      'reference',
      'rule',
      'record',
      'registry',
      'judgement',
      'verdict',
    ]);
  });

  it('gives the facts of each sentence to scripts', async () => {
    const { steps } = await explained({ record: digestOfA, now: digestOfB });
    expect(steps).toMatchObject([
      { canonical: TAG, added: ['registry docker.io added', 'library/ added'] },
      { exempt: false, tracked: false, image: '**', mode: 'enforce', recheck: 'always' },
      { found: true, digest: digestOfA, generation: 0, phase: 'Logged', logged: true, log: { index: 41 } },
      { asked: true, digest: digestOfB, hashed: false },
      { found: true, digest: digestOfA },
      { judgement: 'moved' },
      { verdict: 'deny', reason: 'TAG_MOVED' },
    ]);
  });

  it('never contradicts the verdict, which is that of a check, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(someCase(), async (one) => {
        const { checkImage } = setUp(one);
        const text = one.text ?? '';
        const { steps, verdict } = await setUp(one).explain(text, signal);
        const context = { origin: 'cli', mayRecord: false, mayResolve: true, signal } as const;
        expect(verdict).toEqual(await checkImage(text, context));
        const last = steps.at(-1);
        expect(last).toMatchObject({ step: 'verdict', verdict: verdict.kind });
        expect(last?.says).toMatch(WORDS[verdict.kind]);
        expect(last?.says).toContain(namedBy(verdict));
        if (verdict.kind === 'admit') expect(last?.['digest']).toBe(verdict.pin);
      }),
      { numRuns: 500 },
    );
  });

  it('quotes whatever text it is asked about', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 80 }), async (text) => {
        const { steps } = await setUp({}).explain(text, signal);
        // control characters and bidirectional overrides
        expect(steps.map(({ says }) => says).join('')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it.each([
    ['alpine', ['registry docker.io added', 'library/ added', 'tag latest added']],
    ['library/alpine:3.16', ['registry docker.io added']],
    ['docker.io/alpine:3.16', ['library/ added']],
    ['index.docker.io/library/alpine:3.16', ['registry "index.docker.io" is docker.io']],
    ['GHCR.io:443/a/b', ['registry "GHCR.io:443" is ghcr.io', 'tag latest added']],
    ['localhost/x:1', []],
    ['localhost:5000/latest', ['tag latest added']],
    ['a/latest:latest', ['registry docker.io added']],
  ])('says what was added to %s', async (text, added) => {
    const { steps } = await setUp({}).explain(text, signal);
    expect(steps[0]).toMatchObject({ step: 'reference', added });
  });

  it('says so when the store has lost what memory has', async () => {
    const { parts } = setUp({ record: digestOfA, now: digestOfB });
    const ledger = { ...parts.ledger, latest: async (): Promise<VerifiedRecord | undefined> => undefined };
    const story = told(await makeExplainImage({ ...parts, ledger })('alpine:3.16', signal));
    expect(story).toContain('it has no record any more, so the remembered one counts');
    expect(story).toContain('refused: TAG_MOVED');
  });

  it('tells the rule of the policy that decided, although the policy changes meanwhile', async () => {
    const { parts } = setUp({ now: digestOfA });
    const policies = ['warn', 'off'].map((mode) =>
      compilePolicy(parsePolicy([{ match: { images: ['**'] }, mode }])),
    );
    const policy = () => policies.shift() ?? parts.policy();
    const { steps, verdict } = await makeExplainImage({ ...parts, policy })('alpine:3.16', signal);
    expect(steps[1]).toMatchObject({ step: 'rule', mode: 'warn' });
    expect(verdict).toMatchObject({ kind: 'admit', pin: digestOfA });
  });

  it('tells of a later generation, which somebody made on purpose', async () => {
    const { explain, ledger } = setUp({ now: digestOfB });
    ledger.put({ record: sampleRecord(TAG, { digest: digestOfB, generation: 2 }), logged: true });
    expect(told(await explain('alpine:3.16', signal))).toContain('generation 2 since');
  });

  it('keeps the text of an error that nobody expected to itself', async () => {
    const { explain } = setUp({ ledger: { fail: 'INTERNAL' } });
    const story = told(await explain('alpine:3.16', signal));
    expect(story).toContain('an internal error');
    expect(story).not.toContain('told to fail');
  });
});
