import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LogPosition, TagRecord } from '../../../src/ledger/record.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../src/rekor/embedded/embedded-log.ts';
import type { LogTransport } from '../../../src/rekor/transport.ts';
import { makeTestSigner, setUpLedger, silentLogger } from '../../support/ledger-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startEmbeddedLog } from '../../support/test-log.ts';
import { tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const signer = makeTestSigner();
const reference = tagReference('alpine:3.16');

/** A reservation with our signatures, as a replica leaves it that stops right after it. */
async function reservationOf(digest: Digest, reservedAt: LogPosition): Promise<TagRecord> {
  await using elsewhere = await startEmbeddedLog();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const aside = makeMemoryStore();
  const { ledger } = setUpLedger({
    store: aside,
    signer,
    log: elsewhere.log,
    at(step) {
      if (step !== 'reserved') return undefined;
      resolve(undefined);
      return new Promise(() => undefined);
    },
  });
  void ledger.record({ reference, digest, origin: 'cli', waitFor: 'logged' }, signal);
  await promise;
  for await (const stored of aside.list(signal)) {
    if ('record' in stored) return { ...stored.record, reservedAt };
  }
  throw new Error('nothing was reserved');
}

describe('publishing a reservation of a tag whose claim the log holds already', () => {
  let folder: TempFolder;
  let log: EmbeddedLog;
  let store: RecordStore;

  beforeEach(async () => {
    folder = await makeTempFolder();
    log = await openEmbeddedLog({ dir: folder.path, logger: silentLogger });
    const { ledger } = setUpLedger({ store: makeMemoryStore(), signer, log });
    await ledger.record({ reference, digest: digestOfA, origin: 'cli', waitFor: 'logged' }, signal);
    store = makeMemoryStore();
  });

  afterEach(async () => {
    await log.close();
    await folder[Symbol.asyncDispose]();
  });

  async function publish(digest: Digest, reservedAt: Partial<LogPosition>) {
    const record = await reservationOf(digest, { origin: log.trust.origin, treeSize: 0, ...reservedAt });
    await store.reserve(record, signal);
    const { publisher, memory } = setUpLedger({ store, signer, log });
    const code = await codeOf(() => publisher.publish(reference));
    const stored = await store.find(record.claimId, signal);
    return { code, phase: stored?.record.phase, remembered: memory.size };
  }

  it('denies it for good where the claim is older than the reservation, and its digest another', async () => {
    expect(await publish(digestOfB, { treeSize: 2 })).toEqual({
      code: 'RECORD_LOST',
      phase: 'Lost',
      remembered: 0,
    });
    const { ledger } = setUpLedger({ store, signer, log });
    expect(await codeOf(() => ledger.find(reference, signal))).toBe('RECORD_LOST');
  });

  it.each([
    ['the log holds the binding of this digest as well', digestOfA, { treeSize: 2 }],
    ['the claim came after the reservation: it is our own earlier try', digestOfB, { treeSize: 0 }],
    ['the reservation was made with another log', digestOfB, { origin: 'another.example', treeSize: 2 }],
  ] as const)('finishes it where %s', async (_why, digest, reservedAt) => {
    expect(await publish(digest, reservedAt)).toEqual({ code: undefined, phase: 'Logged', remembered: 1 });
  });
});

describe('a reservation that only its claim makes look like ours', () => {
  it('is not published, and denies: the binding says by which digest', async () => {
    await using running = await startEmbeddedLog();
    const stranger = makeTestSigner();
    const store = makeMemoryStore();
    const record = await reservationOf(digestOfB, { origin: running.trust.origin, treeSize: 0 });
    const binding = await stranger.sign(record.binding.statement, signal);
    await store.reserve({ ...record, binding }, signal);
    const { ledger, publisher } = setUpLedger({ store, signer, log: running.log });
    expect(await codeOf(() => ledger.find(reference, signal))).toBe('IDENTITY_MISMATCH');
    expect(await codeOf(() => publisher.publish(reference))).toBe('IDENTITY_MISMATCH');
    expect(running.log.published().treeSize).toBe(0);
  });
});

describe('a log that acknowledges and proves nothing', () => {
  it('is bad evidence and no outage: nothing is pending, and nothing is logged', async () => {
    await using running = await startEmbeddedLog();
    const transport: LogTransport = async (call) => {
      const answer = await running.log.transport(call);
      return call.method === 'POST' ? { ...answer, body: Buffer.from('{}') } : answer;
    };
    const store = makeMemoryStore();
    const { ledger } = setUpLedger({ store, signer, log: { trust: running.trust, transport } });
    const asked = () =>
      ledger.record({ reference, digest: digestOfA, origin: 'cli', waitFor: 'logged' }, signal);
    expect(await codeOf(asked)).toBe('LOG_ENTRY_INVALID');
    expect(await ledger.find(reference, signal)).toMatchObject({ logged: false });
  });
});
