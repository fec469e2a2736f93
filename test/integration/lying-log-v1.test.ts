import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../src/errors/code.ts';
import { statementDigest } from '../../src/ledger/statement.ts';
import { makeHeadTail, type HeadTail } from '../../src/protocol/head-tail.ts';
import { makeTail, type Tail } from '../../src/protocol/tail.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV1Client } from '../../src/rekor/v1-client.ts';
import { makeRekorV1Reader } from '../../src/rekor/v1-reader.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { ANSWER_LIES } from '../support/lying-answers.ts';
import { startLyingLog, TREE_LIES, type Lie, type LyingLog } from '../support/lying-log.ts';
import { SILENT } from '../support/test-log.ts';
import { makeTestSigner, NEVER, signedStatement } from '../support/test-signer.ts';
import { codeOf } from '../support/throw-with-code.ts';

/** What comes of a question: our entry, none, or an error. */
type Outcome = ErrorCode | 'ours' | 'none';

/** The head, by the index, by leaf hash, leaf by leaf. */
type Row = readonly [
  head: ErrorCode | undefined,
  index: Outcome,
  exact: Outcome,
  tail: ErrorCode | undefined,
];

const DOWN: Row = ['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE'];
const NO_ENTRY: Row = ['LOG_ENTRY_INVALID', 'LOG_ENTRY_INVALID', 'LOG_ENTRY_INVALID', 'LOG_ENTRY_INVALID'];

/** No row says "none" for what an answer may have been; only a log that signs a smaller head can still be caught so. */
const ROWS: Partial<Readonly<Record<Lie, Row>>> = {
  wrongContentType: NO_ENTRY,
  html: NO_ENTRY,
  garbage: NO_ENTRY,
  garbageGzip: DOWN,
  // an index may be as long as strangers like
  endless: ['LOG_UNAVAILABLE', 'LOG_CROWDED', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE'],
  slowDrip: DOWN,
  silence: DOWN,
  brokenConnection: DOWN,
  redirect: DOWN,
  serverError: DOWN,
  rateLimited: DOWN,
  wrongIndex: [undefined, 'ours', 'LOG_PROOF_INVALID', 'LOG_UNAVAILABLE'],
  backDated: [undefined, 'ours', 'LOG_PROOF_INVALID', undefined],
  noProof: [undefined, 'ours', 'LOG_ENTRY_INVALID', undefined],
  forgetfulIndex: [undefined, 'none', 'ours', undefined],
  inventiveIndex: [undefined, 'ours', 'ours', undefined],
  shrunkTree: ['LOG_FORKED', 'none', 'none', 'LOG_FORKED'],
};

describe('a rekor-v1 that lies to who asks', () => {
  let log: LyingLog;
  let client: ReturnType<typeof makeRekorV1Client>;
  let reader: ReturnType<typeof makeRekorV1Reader>;
  let verifier: ReturnType<typeof makeEvidenceVerifier>;
  let head: HeadTail;
  let tail: Tail;

  beforeEach(async () => {
    log = await startLyingLog({ kind: 'rekor-v1' });
    const { url, trust, dispatcher } = log;
    const place = {
      url,
      trust,
      transport: makeUndiciTransport({ baseUrl: url, dispatcher, timeLimits: log.timeLimits }),
    };
    client = makeRekorV1Client(place);
    reader = makeRekorV1Reader(place);
    verifier = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [trust] });
    head = makeHeadTail({ head: client, origin: trust.origin, lifetime: NEVER });
    tail = makeTail({ reader, verifier, logger: SILENT, origin: trust.origin, lifetime: NEVER });
    log.addOthers(23);
    await client.submit(await signedStatement('ours'), NEVER);
    await head.follow(NEVER);
    await tail.follow(NEVER);
    log.addOthers(1);
  });
  afterEach(async () => log[Symbol.asyncDispose]());

  async function outcomeOf(ask: () => Promise<boolean>): Promise<Outcome> {
    const found: boolean[] = [];
    const code = await codeOf(async () => void found.push(await ask()));
    return code ?? (found.includes(true) ? 'ours' : 'none');
  }

  async function byIndex(): Promise<boolean> {
    const { statement } = await signedStatement('ours');
    for await (const some of client.candidates(statementDigest(statement), NEVER)) {
      const own = await Promise.all(some.map(({ body }) => verifier.own(statement, body)));
      if (own.some((each) => each !== undefined)) return true;
    }
    return false;
  }

  async function exactly(): Promise<boolean> {
    const signed = await signedStatement('ours');
    const bundle = await client.held(signed, NEVER);
    if (bundle !== undefined) await verifier.verify({ ...signed, bundle });
    return bundle !== undefined;
  }

  async function ask() {
    return [
      await codeOf(() => head.follow(NEVER)),
      await outcomeOf(byIndex),
      await outcomeOf(exactly),
      await codeOf(() => tail.follow(NEVER)),
    ] as const;
  }

  it.each(Object.entries(ROWS))('%s: %j', async (name, expected) => {
    log.lie((Object.keys({ ...TREE_LIES, ...ANSWER_LIES }) as Lie[]).find((each) => each === name));
    expect(await ask()).toEqual(expected);
    log.lie(undefined);
    const [, ...asked] = await ask();
    // a tail that has seen a fork stays where it was
    expect(asked).toEqual(['ours', 'ours', expected[3] === 'LOG_FORKED' ? 'LOG_FORKED' : undefined]);
  });

  it('shows a split view to who reads every leaf', async () => {
    log.lie('splitView', /GET \/api\/v1\/log$/);
    const codes = [await codeOf(() => tail.follow(NEVER)), await codeOf(() => tail.follow(NEVER))];
    expect(codes).toContain('LOG_FORKED');
  });

  it('shows a fork after a restart to who reads every leaf', async () => {
    log.forkAfterRestart(2);
    expect(await codeOf(() => tail.follow(NEVER))).toBe('LOG_FORKED');
  });

  it.each([-1, 0.5, NaN, 2 ** 53])('has no evidence at the index %d', async (index) => {
    const signed = await signedStatement('ours');
    const asked = log.requests.length;
    expect(await codeOf(() => reader.bundleAt(index, signed, NEVER))).toBe('LOG_ENTRY_INVALID');
    expect(log.requests).toHaveLength(asked);
  });

  it('gives no evidence for an entry that it took and withholds', async () => {
    log.lie('withheldEntry');
    const signed = await signedStatement('withheld');
    const { outcome, bundle } = await client.submit(signed, NEVER);
    log.lie(undefined);
    log.addOthers(1);
    const { logIndex } = await verifier.verify({ ...signed, bundle });
    expect([outcome, await client.held(signed, NEVER)]).toEqual(['created', undefined]);
    expect(
      await codeOf(async () =>
        verifier.verify({ ...signed, bundle: await reader.bundleAt(logIndex, signed, NEVER) }),
      ),
    ).toBe('LOG_ENTRY_INVALID');
  });

  it.each([
    ['signs a year too early', 'backDatedSet', [-31_536_000]],
    ['tells the truth', undefined, []],
  ] as const)('raises an alarm by the time of a new entry when it %s', async (_, how, expected) => {
    const skews: number[] = [];
    await using clocked = await startLyingLog({ kind: 'rekor-v1', now: () => 1_790_000_000 });
    const { url, trust, dispatcher } = clocked;
    const watched = makeRekorV1Client({
      url,
      trust,
      transport: makeUndiciTransport({ baseUrl: url, dispatcher }),
      watchTime: { now: () => 1_790_000_000_000, onSkew: (seconds) => skews.push(seconds) },
    });
    clocked.lie(how);
    const signed = await signedStatement('in time');
    const { bundle } = await watched.submit(signed, NEVER);
    const check = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [trust] });
    // by a key, evidence is good at any time
    expect([await codeOf(() => check.verify({ ...signed, bundle })), skews]).toEqual([undefined, expected]);
  });

  it('finds what stands in an earlier shard, by its index and exactly, and counts on from there', async () => {
    log.rotate();
    log.addOthers(2);
    expect([await byIndex(), await exactly(), await client.treeSize(NEVER)]).toEqual([true, true, 27]);
  });

  it('takes the same entry once more after a new shard has begun', async () => {
    log.rotate();
    const signed = await signedStatement('ours');
    const { outcome, bundle } = await client.submit(signed, NEVER);
    expect([outcome, (await verifier.verify({ ...signed, bundle })).logIndex]).toEqual(['created', 25]);
  });

  it('is read leaf by leaf past entries of any length', async () => {
    log.addOthers(1, 2_900_000);
    log.addOthers(3);
    log.addOthers(2, 1_500_000);
    log.addOthers(7);
    const { url, trust, dispatcher } = log;
    const patient = makeRekorV1Reader({
      url,
      trust,
      transport: makeUndiciTransport({ baseUrl: url, dispatcher }),
    });
    tail = makeTail({ reader: patient, verifier, logger: SILENT, origin: trust.origin, lifetime: NEVER });
    await tail.follow(NEVER);
    expect(tail.position().treeSize).toBe(38);
  });

  it('is not read leaf by leaf once it has a second shard', async () => {
    log.rotate();
    expect(await codeOf(() => tail.follow(NEVER))).toBe('LOG_ENTRY_INVALID');
  });
});
