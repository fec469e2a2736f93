import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../../src/reference/digest.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import type { StepHook } from '../../../src/protocol/steps.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../src/rekor/embedded/embedded-log.ts';
import { makeTestSigner, setUpLedger, silentLogger } from '../../support/ledger-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { tagReference } from '../../support/test-registry.ts';

const { signal } = new AbortController();
const signer = makeTestSigner();
const reference = tagReference('alpine:3.16');
const request = (digest: Digest, tag = reference) =>
  ({ reference: tag, digest, origin: 'cli', waitFor: 'logged' }) as const;

describe('a replica that another one overtakes', () => {
  let folder: TempFolder;
  let log: EmbeddedLog;
  let store: RecordStore;

  beforeEach(async () => {
    folder = await makeTempFolder();
    log = await openEmbeddedLog({ dir: folder.path, logger: silentLogger });
    store = makeMemoryStore();
  });

  afterEach(async () => {
    await log.close();
    await folder[Symbol.asyncDispose]();
  });

  const replica = (at?: StepHook) => setUpLedger({ store, signer, log, ...(at && { at }) });

  it.each([digestOfA, digestOfB])(
    'judges by the other record, and does not take it for lost, when it wanted %s',
    async (digest) => {
      const { ledger } = replica(async (step) => {
        if (step === 'resolved') await replica().ledger.record(request(digestOfA), signal);
      });
      expect(await ledger.record(request(digest), signal)).toMatchObject({
        kind: 'existing',
        found: { logged: true, record: { digest: digestOfA, origin: 'cli' } },
      });
      expect(log.published().treeSize).toBe(2);
    },
  );

  it('gives the record that was saved, and not the one that it could not save', async () => {
    const { ledger } = replica(async (step) => {
      if (step !== 'verified') return;
      // with a longer tree, so that the other one's proofs differ
      await replica().ledger.record(request(digestOfA, tagReference('busybox:1')), signal);
      await replica().publisher.publish(reference);
    });
    const { found } = await ledger.record(request(digestOfA), signal);
    const saved = await store.find(found.record.claimId, signal);
    expect(saved?.record).toMatchObject(found.record);
  });

  it('sees that a reservation which it has looked at is published by now', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stopped = replica((step) => {
      if (step !== 'reserved') return undefined;
      resolve(undefined);
      return new Promise(() => undefined);
    });
    void stopped.ledger.record(request(digestOfA), signal);
    await promise;
    const { ledger } = replica();
    expect(await ledger.find(reference, signal)).toMatchObject({ logged: false });
    await replica().publisher.publish(reference);
    expect(await ledger.find(reference, signal)).toMatchObject({ logged: true });
  });
});
