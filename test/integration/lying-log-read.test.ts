import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../src/errors/code.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { ANSWER_LIES } from '../support/lying-answers.ts';
import { startLyingLog, TREE_LIES, type Lie, type LyingLog } from '../support/lying-log.ts';
import { makeTestSigner, NEVER, signedStatement } from '../support/test-signer.ts';
import { codeOf } from '../support/throw-with-code.ts';

/** Of a tree of five, in which the entry that is asked for is the last one. */
const OWN_INDEX = 4;

type Outcome = ErrorCode | undefined;
/** What becomes of reading the head, of reading leaves, and of evidence for an entry that is known to be there. */
type Row = readonly [checkpoint: Outcome, leaves: Outcome, bundleAt: Outcome];

const DOWN: Row = ['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE'];

/** Undefined: the answer is true, or as good as true for who has only this one. */
const READS: Partial<Readonly<Record<Lie, Row>>> = {
  wrongContentType: [undefined, undefined, undefined],
  html: ['LOG_PROOF_INVALID', 'LOG_PROOF_INVALID', 'LOG_PROOF_INVALID'],
  garbage: ['LOG_PROOF_INVALID', 'LOG_PROOF_INVALID', 'LOG_PROOF_INVALID'],
  garbageGzip: DOWN,
  endless: DOWN,
  slowDrip: DOWN,
  silence: DOWN,
  brokenConnection: DOWN,
  redirect: DOWN,
  serverError: DOWN,
  rateLimited: DOWN,
  splitView: [undefined, undefined, undefined],
  shrunkTree: [undefined, 'LOG_ENTRY_INVALID', 'LOG_UNAVAILABLE'],
};

const table: string[] = [];

describe('a rekor-v2 that lies to a reader', () => {
  let log: LyingLog;
  let client: ReturnType<typeof makeRekorV2Client>;
  let verifier: ReturnType<typeof makeEvidenceVerifier>;

  beforeEach(async () => {
    log = await startLyingLog({ kind: 'rekor-v2' });
    const { url, trust, dispatcher } = log;
    const transport = makeUndiciTransport({ baseUrl: url, dispatcher, timeLimits: log.timeLimits });
    const read = { transport, prefix: '/api/v2' };
    client = makeRekorV2Client({ url, trust, write: transport, read, sleep: async () => undefined });
    verifier = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [trust] });
    log.addOthers(OWN_INDEX);
    await client.submit(await signedStatement('ours'), NEVER);
  });
  afterEach(async () => log[Symbol.asyncDispose]());
  afterAll(() => {
    process.stdout.write(`${table.join('\n')}\n`);
  });

  async function readLeaves(): Promise<void> {
    for await (const { entries } of client.leaves(0, OWN_INDEX, NEVER)) {
      expect(entries.map((each) => Buffer.from(each))).toEqual(log.bodies.slice(0, OWN_INDEX));
    }
  }

  async function readBundle(text = 'ours', index = OWN_INDEX): Promise<void> {
    const signed = await signedStatement(text);
    await verifier.verify({ ...signed, bundle: await client.bundleAt(index, signed, NEVER) });
  }

  const reads = [async () => client.checkpoint(NEVER), readLeaves, async () => readBundle()];

  async function outcomes(): Promise<Outcome[]> {
    const codes: Outcome[] = [];
    for (const read of reads) codes.push(await codeOf(read));
    return codes;
  }

  it.each(Object.entries(READS))('%s: %j', async (name, expected) => {
    const how = (Object.keys({ ...TREE_LIES, ...ANSWER_LIES }) as Lie[]).find((each) => each === name);
    log.lie(how);
    const codes = await outcomes();
    table.push([name, ...codes.map((code) => code ?? 'true')].map((text) => text.padEnd(18)).join(' '));
    log.lie(undefined);
    expect(codes).toEqual(expected);
    expect(await outcomes()).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['the index of a stranger', 'ours', 0],
    ['a statement that is not in it', 'not ours', OWN_INDEX],
  ])('has no evidence for %s', async (_, text, index) => {
    expect(await codeOf(() => readBundle(text, index))).toBe('LOG_ENTRY_INVALID');
  });

  it('has no evidence under the other head of a split view', async () => {
    log.lie('splitView');
    const heads = [await client.checkpoint(NEVER), await client.checkpoint(NEVER)];
    expect(heads.map(({ treeSize }) => treeSize)).toEqual([OWN_INDEX + 1, OWN_INDEX + 1]);
    await client.checkpoint(NEVER);
    expect(await codeOf(() => readBundle())).toBe('LOG_PROOF_INVALID');
  });

  it('has no evidence for an entry that a restored backup has lost', async () => {
    log.forkAfterRestart(1);
    expect(await codeOf(() => readBundle())).toBe('LOG_ENTRY_INVALID');
  });

  it('takes no more entries once it is frozen, and stays readable', async () => {
    log.freeze();
    await expect(client.submit(await signedStatement('late'), NEVER)).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
      message: expect.stringContaining('takes no more entries'),
    });
    expect(await outcomes()).toEqual([undefined, undefined, undefined]);
  });
});
