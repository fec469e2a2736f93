import { afterEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { LogFields, Logger } from '../../../../src/observe/log.ts';
import {
  startVerifierThread,
  type VerifierThread,
  type VerifierThreadOptions,
} from '../../../../src/rekor/thread/verifier-thread.ts';
import { makeEvidenceVerifier } from '../../../../src/rekor/verify-bundle.ts';
import { entryBody, entryParts } from '../../../../src/rekor/entry.ts';
import { keylessCell } from '../../../support/keyless-evidence.ts';
import { SILENT } from '../../../support/test-log.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const cell = await keylessCell('rekor-v2');
const { logged, signed, trust } = cell;
const local = makeEvidenceVerifier(trust);
const threads: VerifierThread[] = [];

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
});

async function start(options: Partial<VerifierThreadOptions> = {}): Promise<VerifierThread> {
  const thread = await startVerifierThread({ trust, logger: SILENT, firstPauseMs: 1, ...options });
  threads.push(thread);
  return thread;
}

/** A thread that does what a line says for each request. */
function moduleThat(line: string): URL {
  const text = `
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (request) => { ${line} });
    parentPort.postMessage('ready');`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

const CRASH = "throw new Error('crash')";
const HANG = 'for (;;);';

describe('a verifier thread', () => {
  it('gives the verdicts of the verifier in it', async () => {
    const thread = await start();
    expect(await thread.verify(logged)).toEqual(await local.verify(logged));
    expect(await codeOf(() => thread.verifySignature(signed))).toBeUndefined();
    const body = entryBody('rekor-v2', entryParts(signed));
    const { timestamp: _, ...inLog } = signed;
    expect(await thread.own(signed.statement, body)).toEqual(inLog);
    expect(await thread.own('another', body)).toBeUndefined();
    expect(thread.candidate(body)).toBe(local.candidate(body));
    expect(thread.leafHash(signed)).toBe(local.leafHash(signed));
  });

  it('throws what the verifier in it throws: class, code, message and cause', async () => {
    const thread = await start();
    const forged = { ...logged, statement: '{}' };
    const errorOf = async (run: () => Promise<unknown>) =>
      run().then(
        () => undefined,
        (error: unknown) => error,
      );
    const [there, here] = [
      await errorOf(() => thread.verify(forged)),
      await errorOf(() => local.verify(forged)),
    ];
    expect(there).toBeInstanceOf(AppError);
    expect(there).toMatchObject({ code: 'RECORD_INVALID', message: (here as AppError).message });
    const junk = { ...signed, timestamp: 'AAAA' };
    await expect(thread.verifySignature(junk)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      cause: { message: expect.stringContaining('rror') },
    });
  });

  it('answers many who ask at once, each the right thing', async () => {
    const thread = await start();
    const asked = Array.from({ length: 100 }, (_, i) =>
      codeOf(() => thread.verify(i % 2 === 0 ? logged : { ...logged, signature: 'AAAA' })),
    );
    expect(await Promise.all(asked)).toEqual(
      asked.map((_, i) => (i % 2 === 0 ? undefined : 'RECORD_INVALID')),
    );
  });

  it('refuses evidence that cannot be sent', async () => {
    const thread = await start();
    const bundle = { run: () => undefined };
    expect(await codeOf(() => thread.verify({ ...signed, bundle }))).toBe('RECORD_INVALID');
    expect(await codeOf(() => thread.verify(logged))).toBeUndefined();
  });

  it('refuses more than may wait, and keeps what waits', async () => {
    const thread = await start({ maxWaiting: 2 });
    const codes = [1, 2, 3].map(() => codeOf(() => thread.verify(logged)));
    expect(await Promise.all(codes)).toEqual([undefined, undefined, 'DEADLINE_EXCEEDED']);
    expect(await codeOf(() => thread.verify(logged))).toBeUndefined();
  });

  it.each([
    ['crashes', CRASH],
    ['ends', 'process.exit(0)'],
    ['hangs', HANG],
    ['says what no verifier says', "parentPort.postMessage({ id: request.id, value: 1, error: 'no' })"],
    ['runs out of memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(request));'],
  ])('lets nothing pass when it %s', async (_, line) => {
    const thread = await start({ module: moduleThat(line), timeLimitMs: 500 });
    const codes = [1, 2].map(() => codeOf(() => thread.verify(logged)));
    expect(await Promise.all(codes)).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  });

  it('is not taken to hang while it answers one after the other, however many wait', async () => {
    const entry = { logIndex: 1, logId: 'bG9n', uuid: '', checkpoint: '' };
    const line = `
      for (const end = Date.now() + 50; Date.now() < end; );
      parentPort.postMessage({ id: request.id, value: ${JSON.stringify(entry)} });`;
    const thread = await start({ module: moduleThat(line), timeLimitMs: 500 });
    const answers = await Promise.all(Array.from({ length: 15 }, () => thread.verify(logged)));
    expect(new Set(answers.map(({ logIndex }) => logIndex))).toEqual(new Set([1]));
  });

  it('takes no made-up answer for an entry', async () => {
    const thread = await start({
      module: moduleThat('parentPort.postMessage({ id: request.id, value: {} })'),
    });
    await expect(thread.verify(logged)).rejects.toThrow();
  });

  it('starts again after a crash, and refuses until it has', async () => {
    const stops: LogFields[] = [];
    const restarted = Promise.withResolvers<undefined>();
    const logger: Logger = {
      ...SILENT,
      error(_, fields) {
        stops.push(fields);
        if (stops.length === 2) restarted.resolve(undefined);
      },
    };
    const thread = await start({ module: moduleThat(CRASH), logger });
    expect(await codeOf(() => thread.verify(logged))).toBe('DEADLINE_EXCEEDED');
    const askAgain = setInterval(() => void codeOf(() => thread.verify(logged)), 5);
    await restarted.promise;
    clearInterval(askAgain);
    expect(stops.map(({ pauseMs }) => pauseMs)).toEqual([1, 2]);
  });

  it('tells who starts one that cannot start', async () => {
    const module = new URL('data:text/javascript,throw new Error("no")');
    expect(await codeOf(() => start({ module }))).toBe('INTERNAL');
    expect(await codeOf(() => start({ trust: { ...trust, keys: ['AAAA'] } }))).toBe('KEY_INVALID');
  });

  it('refuses everything once it is closed', async () => {
    const thread = await start();
    const waiting = codeOf(() => thread.verify(logged));
    await thread.close();
    expect(['DEADLINE_EXCEEDED', undefined]).toContain(await waiting);
    expect(await codeOf(() => thread.verify(logged))).toBe('DEADLINE_EXCEEDED');
  });
});
