import { describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import type { Ledger, RecordOutcome } from '../../../src/check/ports.ts';
import type { Verdict } from '../../../src/check/verdict.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { ERROR_CODES, isUnavailable, type ErrorCode } from '../../../src/errors/code.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { makeMemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:3.16';

/** Asks about an unknown tag that the registry says is B. */
function check(
  text: string,
  rule: Readonly<Record<string, unknown>>,
  change: Partial<Ledger>,
  signal: AbortSignal = new AbortController().signal,
): Promise<Verdict> {
  const resolver = makeScriptedResolver();
  resolver.now(TAG, digestOfB);
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const ledger = { ...makeMemoryLedger(), ...change };
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: String });
  return checkImage(text, { origin: 'admission', mayRecord: true, mayResolve: true, signal });
}

const failing = (code: ErrorCode) => () => Promise.reject(new AppError({ code, message: code }));

/** What record() says when another replica reserved the tag as A, and has not published it. */
function reservedAsA(outage?: ErrorCode): Partial<Ledger> {
  const outcome: RecordOutcome = {
    kind: 'pending',
    found: { record: sampleRecord(TAG, { digest: digestOfA }), logged: false },
    retryAfterSeconds: 1,
    ...(outage && { outage: new AppError({ code: outage, message: 'down' }) }),
  };
  return { record: () => Promise.resolve(outcome) };
}

describe('checkImage without an answer of the ledger', () => {
  const calls = ['find', 'record'] as const;
  const codes = ERROR_CODES.filter(isUnavailable).flatMap((code) => calls.map((call) => ({ code, call })));
  it.each(codes)(
    'denies an unknown tag when $call fails with $code, whatever onUnresolvable forgives a registry',
    async ({ code, call }) => {
      const verdict = await check('alpine:3.16', { onUnresolvable: 'warn' }, { [call]: failing(code) });
      expect(verdict).toMatchObject({ kind: 'deny', denial: { reason: code } });
    },
  );

  it.each([
    ['alpine:3.16', 'TAG_MOVED'],
    [`alpine:3.16@${digestOfB}`, 'DIGEST_NOT_RECORDED'],
  ])(
    'denies %s that another replica reserves with another digest, published or not',
    async (text, reason) => {
      const lenient = { onLogUnavailable: 'admitReserved' };
      for (const outage of [undefined, 'LOG_UNAVAILABLE'] as const) {
        const verdict = await check(text, lenient, reservedAsA(outage));
        expect(verdict).toMatchObject({ kind: 'deny', denial: { reason, expected: digestOfA } });
      }
    },
  );

  it('waits for that reservation where the rule pins what is recorded', async () => {
    const verdict = await check('alpine:3.16', { onMoved: 'pinRecorded' }, reservedAsA());
    expect(verdict).toMatchObject({ kind: 'pending', record: { digest: digestOfA } });
  });
});

describe('checkImage and what it asks for', () => {
  function setUp(rule: Readonly<Record<string, unknown>>, logged: boolean) {
    const resolver = makeScriptedResolver();
    resolver.now(TAG, digestOfA);
    const ages: (number | undefined)[] = [];
    const ledger = makeMemoryLedger();
    ledger.put({ record: sampleRecord(TAG, { digest: digestOfA }), logged });
    const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
    const checkImage = makeCheckImage({
      policy: () => policy,
      ledger,
      incident: String,
      resolver: {
        ...resolver,
        recheck(reference, signal, maxAgeMs) {
          ages.push(maxAgeMs);
          return resolver.recheck(reference, signal, maxAgeMs);
        },
      },
    });
    const { signal } = new AbortController();
    const ask = () =>
      checkImage('alpine:3.16', { origin: 'admission', mayRecord: true, mayResolve: true, signal });
    return { ask, ages, ledger, resolver };
  }

  it('finishes a reservation with its own digest under recheck: never, without the registry', async () => {
    const { ask, ledger, resolver } = setUp({ recheck: 'never' }, false);
    expect(await ask()).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(ledger.recorded.map(({ digest }) => digest)).toEqual([digestOfA]);
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it.each([
    ['always', undefined],
    ['interval', 300_000],
  ])('takes with recheck: %s an answer of at most %s ms', async (recheck, age) => {
    const { ask, ages } = setUp({ recheck }, true);
    await ask();
    expect(ages).toEqual([age]);
  });
});

describe('checkImage whose time ends during a first sight', () => {
  /** The ledger goes on recording; the asker's signal ends its wait. */
  async function tooLate(rule: Readonly<Record<string, unknown>>, isOver: boolean): Promise<Verdict> {
    const record = failing('DEADLINE_EXCEEDED');
    return check('alpine:3.16', rule, { record }, isOver ? AbortSignal.abort() : undefined);
  }

  it('says that it is being recorded, and when to come again', async () => {
    const verdict = await tooLate({}, true);
    expect(verdict).toMatchObject({ kind: 'pending', retryAfterSeconds: 1 });
    expect(verdict).not.toHaveProperty('record');
  });

  it.each([
    ['warns', { mode: 'warn' }, true],
    ['audits', { mode: 'audit' }, true],
  ] as const)('tells a rule that only %s the error', async (_, rule, isOver) => {
    expect(await tooLate(rule, isOver)).toMatchObject({ denial: { reason: 'DEADLINE_EXCEEDED' } });
  });

  it('denies where something else ran out of time', async () => {
    expect(await tooLate({}, false)).toMatchObject({ kind: 'deny', denial: { reason: 'DEADLINE_EXCEEDED' } });
  });
});
