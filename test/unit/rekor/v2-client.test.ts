import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeEvidenceVerifier } from '../../../src/rekor/verify-bundle.ts';
import { LIES, makeLyingLog, type Lie, type LyingLog } from '../../support/fake-log.ts';
import { clientOf, startEmbeddedLog } from '../../support/test-log.ts';
import { makeTestSigner, NEVER, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

type Log = Awaited<ReturnType<typeof startEmbeddedLog>>;

const READ_CODES = {
  endlessAnswer: 'LOG_ENTRY_INVALID',
  garbage: 'LOG_PROOF_INVALID',
  serverError: 'LOG_UNAVAILABLE',
};

describe('makeRekorV2Client', () => {
  let log: Log;
  let lying: LyingLog;
  let client: Log['client'];
  let verifier: ReturnType<typeof makeEvidenceVerifier>;

  beforeAll(async () => {
    log = await startEmbeddedLog();
    lying = makeLyingLog(log.log.transport);
    client = clientOf(log.trust, lying.transport);
    verifier = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [log.trust] });
    await client.submit(await signedStatement('the first'), NEVER);
  });
  afterAll(async () => log[Symbol.asyncDispose]());

  /** The code of submitting and verifying what came back. */
  const submitted = (text: string, signal = NEVER) =>
    codeOf(async () => {
      const signed = await signedStatement(text);
      const { bundle } = await client.submit(signed, signal);
      await verifier.verify({ ...signed, bundle });
    });

  const ON_WRITE: Readonly<Record<Exclude<Lie, 'silent' | 'withheldCheckpoint'>, string | undefined>> = {
    wrongEntry: 'LOG_ENTRY_INVALID',
    otherLeafWithValidProof: 'LOG_ENTRY_INVALID',
    wrongContentType: 'LOG_ENTRY_INVALID',
    serverError: 'LOG_UNAVAILABLE',
    rateLimited: 'LOG_UNAVAILABLE',
    endlessAnswer: 'LOG_ENTRY_INVALID',
    garbage: 'LOG_ENTRY_INVALID',
    wrongIndexOnConflict: 'LOG_ENTRY_INVALID',
  };

  it.each(Object.entries(ON_WRITE))('answers a log that lies by %s with %s', async (how, expected) => {
    lying.lie(LIES.find((each) => each === how));
    const code = await submitted(`lie ${how}`);
    lying.lie(undefined);
    expect(code).toBe(expected);
    expect(await submitted(`lie ${how}`)).toBeUndefined();
  });

  it('stops waiting for a silent log when the asker does', async () => {
    lying.lie('silent');
    const deadline = new AbortController();
    const signed = await signedStatement('silent');
    const code = codeOf(() => client.submit(signed, deadline.signal));
    deadline.abort(new AppError({ code: 'DEADLINE_EXCEEDED', message: 'test' }));
    expect(await code).toBe('DEADLINE_EXCEEDED');
    lying.lie(undefined);
  });

  it('waits for a checkpoint that covers an entry, and not for ever', async () => {
    lying.lie('withheldCheckpoint');
    await client.checkpoint(NEVER);
    const signed = await signedStatement('withheld');
    expect((await client.submit(signed, NEVER)).outcome).toBe('created');
    expect(await codeOf(() => client.submit(signed, NEVER))).toBe('LOG_UNAVAILABLE');
    lying.lie(undefined);
    expect((await client.submit(signed, NEVER)).outcome).toBe('exists');
  });

  it('falls back to the full tile when a partial one is gone', async () => {
    await using other = await startEmbeddedLog();
    const stale = makeLyingLog(other.log.transport);
    const reader = clientOf(other.trust, stale.transport);
    const signed = await signedStatement('the first');
    await other.client.submit(signed, NEVER);
    stale.lie('withheldCheckpoint');
    await reader.checkpoint(NEVER);
    const fillers = await Promise.all(Array.from({ length: 256 }, (_, i) => signedStatement(`filler ${i}`)));
    await Promise.all(fillers.map((each) => other.client.submit(each, NEVER)));
    // old files go before the next commit
    await other.client.submit(await signedStatement('the last'), NEVER);
    const bundle = await reader.bundleAt(0, signed, NEVER);
    expect(stale.requests).toContain('GET /api/v2/tile/entries/000');
    const check = makeEvidenceVerifier({
      keys: [makeTestSigner().spki],
      identities: [],
      logs: [other.trust],
    });
    expect((await check.verify({ ...signed, bundle })).logIndex).toBe(0);
  });

  it.each(['endlessAnswer', 'garbage', 'serverError'] as const)(
    'reads nothing from a log that lies by %s',
    async (how) => {
      const signed = await signedStatement('the first');
      const { treeSize } = await client.checkpoint(NEVER);
      lying.lie(how);
      const reads = [
        () => client.checkpoint(NEVER),
        () => client.leaves(0, treeSize, NEVER)[Symbol.asyncIterator]().next(),
        () => client.bundleAt(0, signed, NEVER),
      ];
      const codes = await Promise.all(reads.map(codeOf));
      lying.lie(undefined);
      expect(codes).toEqual(reads.map(() => READ_CODES[how]));
    },
  );

  it('refuses a bundle at the index of another entry', async () => {
    const signed = await signedStatement('the first');
    expect(await codeOf(() => client.bundleAt(1, signed, NEVER))).toBe('LOG_ENTRY_INVALID');
  });

  it.each([-1, 0.5, NaN, 2 ** 53])('refuses %d as an index', async (index) => {
    const signed = await signedStatement('the first');
    expect(await codeOf(() => client.bundleAt(index, signed, NEVER))).toBe('LOG_ENTRY_INVALID');
  });

  it('reads no checkpoint that the pinned key did not sign', async () => {
    await using other = await startEmbeddedLog();
    const confused = clientOf(log.trust, other.log.transport);
    expect(await codeOf(() => confused.checkpoint(NEVER))).toBe('LOG_PROOF_INVALID');
  });
});
