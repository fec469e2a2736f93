import { describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import { makeExplainImage, type Explanation } from '../../../src/check/explain-image.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { makeMemoryLedger, type MemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:3.16';
const { signal } = new AbortController();

interface Case {
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly text?: string;
  readonly record?: Digest;
  readonly now?: Digest | ErrorCode;
  readonly ledger?: Parameters<MemoryLedger['behave']>[0];
}

function setUp({ rule = {}, record, now, ledger: how = 'normal' }: Case) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  const log = { kind: 'rekor-v1', url: 'https://log.test', origin: 'log.test', index: 41, uuid: 'ab' };
  if (record !== undefined) ledger.put({ record: sampleRecord(TAG, { digest: record, log }), logged: true });
  if (now !== undefined) resolver.now(TAG, now);
  ledger.behave(how);
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const parts = { policy: () => policy, ledger, resolver, incident: () => 'incident' };
  return { ledger, explain: makeExplainImage(parts), checkImage: makeCheckImage(parts) };
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
      `reference: "alpine:3.16" means ${TAG}`,
      /rule: rule ".*" applies by image pattern "\*\*": mode enforce, onMoved deny, recheck always/,
      'record: there is no record of it',
      `registry: the registry says ${digestOfA} now, a manifest that was fetched and hashed`,
      `verdict: admitted: it would be recorded as ${digestOfA}`,
    ],
  ],
  [
    'a known tag',
    { record: digestOfA, now: digestOfA },
    [
      `record: it is recorded as ${digestOfA}, since`,
      'entry 41 of rekor-v1 "log.test" proves it',
      `registry: the registry says ${digestOfA} now, its word for a known tag`,
      `verdict: admitted: ${digestOfA} runs`,
    ],
  ],
  [
    'a moved tag',
    { record: digestOfA, now: digestOfB },
    [digestOfA, digestOfB, 'verdict: refused: TAG_MOVED'],
  ],
  [
    'a moved tag where only a warning is wanted',
    { record: digestOfA, now: digestOfB, rule: { mode: 'warn' } },
    ['mode warn', 'let through unpinned, since mode warn refuses nothing: TAG_MOVED'],
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
    ['verdict: refused: DIGEST_NOT_RECORDED'],
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
    ['could not say what the tag means now (REGISTRY_UNAVAILABLE)', `admitted: ${digestOfA} runs`],
  ],
  [
    'a registry that is away, of a new tag',
    { now: 'REGISTRY_UNAVAILABLE' },
    ['could not say', 'refused: REGISTRY_UNAVAILABLE'],
  ],
  ['a lost record', { ledger: { fail: 'RECORD_LOST' } }, ['(RECORD_LOST)', 'refused: RECORD_LOST']],
  ['a store that is away', { ledger: { fail: 'STORE_UNAVAILABLE' } }, ['refused: STORE_UNAVAILABLE']],
];

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

  it('ends with the verdict, and asks the record before the registry', async () => {
    const { steps } = await explained({ record: digestOfA, now: digestOfA });
    expect(steps.map(({ step }) => step)).toEqual(['reference', 'rule', 'record', 'registry', 'verdict']);
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
