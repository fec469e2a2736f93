import { cp } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { makeTail } from '../../../src/protocol/tail.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LogReader } from '../../../src/protocol/ports.ts';
import { openEmbeddedLog } from '../../../src/rekor/embedded/embedded-log.ts';
import { entryLeafHash } from '../../../src/rekor/entry.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { makeKeyVerifier } from '../../support/key-verifier.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import {
  clientOf,
  SILENT as silentLogger,
  startEmbeddedLog,
  type RunningLog,
} from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const signer = newSigner();
const stranger = newSigner();
const verifier = makeKeyVerifier(signer.spki);

function newSigner() {
  return makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
}

function tailOf({ client, trust: { origin } }: RunningLog, reader: LogReader = client) {
  return makeTail({ reader, verifier, logger: silentLogger, origin, lifetime: signal });
}

async function write(log: RunningLog, text: string, by = signer) {
  const signed = await by.sign(text, signal);
  await log.client.submit(signed, signal);
  return signed;
}

describe('makeTail', () => {
  it('knows our own leaves and nobody else’s', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'theirs', stranger);
    const ours = await write(log, 'ours');
    await write(log, 'ours', stranger);
    const tail = tailOf(log);
    await tail.ready(signal);
    expect(tail.position()).toEqual({ origin: log.trust.origin, treeSize: 3 });
    expect(tail.checkpoint()?.treeSize).toBe(3);
    const own = tail.own();
    expect(own.count).toBe(1);
    expect(own.over(statementDigest(ours.statement))).toEqual([
      {
        index: 1,
        statementDigest: statementDigest(ours.statement),
        leafHash: entryLeafHash('rekor-v2', ours),
      },
    ]);
    expect(own.over(statementDigest('theirs'))).toEqual([]);
    expect(own.standingAt(1)).toEqual(own.at(0));
    expect([own.standingAt(0), own.standingAt(2), own.at(1)]).toEqual([undefined, undefined, undefined]);
  });

  it('reads on from where it was', async () => {
    await using log = await startEmbeddedLog();
    const tail = tailOf(log);
    await tail.ready(signal);
    await write(log, 'later');
    expect(tail.own().over(statementDigest('later'))).toEqual([]);
    await tail.follow(signal);
    expect(tail.own().over(statementDigest('later'))).toMatchObject([{ index: 0 }]);
  });

  it('refuses leaves that do not give the signed root, for ever', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    const lying: LogReader = {
      ...log.client,
      async *leaves(from, to, until) {
        for await (const batch of log.client.leaves(from, to, until)) {
          yield { ...batch, entries: batch.entries.map((body) => Buffer.concat([body, Buffer.from(' ')])) };
        }
      },
    };
    const tail = tailOf(log, lying);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    expect(tail.position().treeSize).toBe(0);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    expect(await codeOf(() => tail.follow(signal))).toBe('LOG_FORKED');
  });

  it('trusts a log that has lied no more, not even when it tells the truth again', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    let reader: LogReader = {
      ...log.client,
      leaves: (_from, _to, until) => log.client.leaves(0, 0, until),
    };
    const tail = tailOf(log, {
      checkpoint: (until) => reader.checkpoint(until),
      leaves: (from, to, until) => reader.leaves(from, to, until),
      bundleAt: (index, signed, until) => reader.bundleAt(index, signed, until),
    });
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    reader = log.client;
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    expect(await codeOf(() => tail.follow(signal))).toBe('LOG_FORKED');
  });

  it('refuses a leaf that is withheld', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    await write(log, 'two');
    const lying: LogReader = { ...log.client, leaves: (_from, _to, until) => log.client.leaves(0, 1, until) };
    expect(await codeOf(() => tailOf(log, lying).ready(signal))).toBe('LOG_FORKED');
  });

  it('refuses a tree that has shrunk, and one that has other leaves than before', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    await using copy = await makeTempFolder();
    // a backup of the log taken between two writes, without the lock of its writer
    await cp(log.dir, copy.path, { recursive: true, filter: (path) => !path.endsWith('/lock') });
    await write(log, 'two');

    const old = await openEmbeddedLog({ dir: copy.path, logger: silentLogger });
    const oldClient = clientOf(old.trust, old.transport);
    let reader: LogReader = log.client;
    const switching: LogReader = {
      checkpoint: (until) => reader.checkpoint(until),
      leaves: (from, to, until) => reader.leaves(from, to, until),
      bundleAt: (index, signed, until) => reader.bundleAt(index, signed, until),
    };
    const first = tailOf(log, switching);
    const second = tailOf(log, switching);
    await first.ready(signal);
    await second.ready(signal);

    reader = oldClient;
    expect(await codeOf(() => first.follow(signal))).toBe('LOG_FORKED');
    await oldClient.submit(await signer.sign('another two', signal), signal);
    await oldClient.submit(await signer.sign('three', signal), signal);
    expect(await codeOf(() => second.follow(signal))).toBe('LOG_FORKED');
    await old.close();
  });

  it('follows no checkpoint that lacks what it must have beside the log’s signature', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    const { client, trust } = log;
    const accept = ({ treeSize }: { readonly treeSize: number }) => {
      if (treeSize > 1) throw new AppError({ code: 'LOG_PROOF_INVALID', message: 'no witness' });
    };
    const parts = { reader: client, verifier, logger: silentLogger, origin: trust.origin, lifetime: signal };
    const tail = makeTail({ ...parts, accept });
    await tail.ready(signal);
    await write(log, 'two');
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_PROOF_INVALID');
    expect(tail.position().treeSize).toBe(1);
    expect(tail.fork()).toBeUndefined();
  });

  it('shares one reading among all who wait, and lets the impatient go', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    let reads = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow: LogReader = {
      ...log.client,
      async checkpoint(until) {
        reads++;
        await gate;
        return log.client.checkpoint(until);
      },
    };
    const tail = tailOf(log, slow);
    const impatient = new AbortController();
    const waiting = [tail.ready(signal), tail.ready(signal)];
    const leaving = codeOf(() => tail.ready(impatient.signal));
    impatient.abort();
    expect(await leaving).toBe('DEADLINE_EXCEEDED');
    release();
    await Promise.all(waiting);
    expect(reads).toBe(1);
    expect(tail.position().treeSize).toBe(1);
  });

  it('is not ready with a head from before it was asked', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    let isReading: () => void = () => undefined;
    const reading = new Promise<void>((resolve) => (isReading = resolve));
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow: LogReader = {
      ...log.client,
      async *leaves(from, to, until) {
        isReading();
        await gate;
        yield* log.client.leaves(from, to, until);
      },
    };
    const tail = tailOf(log, slow);
    const before = tail.ready(signal);
    await reading;
    await write(log, 'two');
    const after = tail.ready(signal);
    release();
    await before;
    await after;
    expect(tail.position().treeSize).toBe(2);
  });

  it('is ready with what it has while the log cannot be reached, once it has caught up, and not before', async () => {
    await using log = await startEmbeddedLog();
    await write(log, 'one');
    let code: ErrorCode | undefined = 'LOG_UNAVAILABLE';
    const flaky: LogReader = {
      ...log.client,
      checkpoint: (until) =>
        code === undefined
          ? log.client.checkpoint(until)
          : Promise.reject(new AppError({ code, message: 'told to fail' })),
    };
    const tail = tailOf(log, flaky);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_UNAVAILABLE');
    code = undefined;
    await tail.ready(signal);
    await write(log, 'two');
    code = 'LOG_UNAVAILABLE';
    await tail.ready(signal);
    expect(tail.position().treeSize).toBe(1);
    code = 'LOG_PROOF_INVALID';
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_PROOF_INVALID');
    code = undefined;
    await tail.ready(signal);
    expect(tail.position().treeSize).toBe(2);
  });
});
