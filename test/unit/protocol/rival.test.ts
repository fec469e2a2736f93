import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { parseTagRecord } from '../../../src/ledger/tag-record.ts';
import { BINDING_TYPE, parseBinding } from '../../../src/ledger/statement.ts';
import type { RecordStore, StatementSigner } from '../../../src/protocol/ports.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { alpine, digestOfC, first, move, signal } from '../../support/generations-setup.ts';
import { wireLedger, type LedgerPorts } from '../../support/ledger-setup.ts';
import { makeMemoryLog, type MemoryLogKind } from '../../support/memory-log.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const KINDS = ['embedded', 'rekor-v1'] as const;

/** Deployments, each with a store of its own, which share a log, a signer and a scope. */
function setUp(
  kind: MemoryLogKind = 'embedded',
  sign: 'key' | 'keyless' | 'keyless without timestamps' = 'keyless',
) {
  const log = makeMemoryLog(kind);
  const signer: StatementSigner =
    sign === 'key' ? log.keySigner() : log.keylessSigner({ timestamps: sign === 'keyless' });
  const { writer, verifier } = log;
  function deployment(change: Partial<LedgerPorts> = {}) {
    const store = change.store ?? makeMemoryStore();
    return {
      store,
      ...wireLedger({ signer, writer, verifier, history: log.history(), ...change, store }),
    };
  }
  /** Digests that the log binds to the tag. */
  const bound = () =>
    new Set(
      log.entries.flatMap(({ signed: { statement } }) =>
        statement.includes(BINDING_TYPE) ? [parseBinding(statement).digest] : [],
      ),
    );
  return { log, deployment, bound };
}

async function recordOf(store: RecordStore): Promise<TagRecord | undefined> {
  for await (const stored of store.list(signal)) if ('record' in stored) return stored.record;
  return undefined;
}

/** Lets others go on until it is so. */
async function settled(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

/** Does `act` when the step is reached for the first time. */
function once(step: ProtocolStep, act: () => unknown): NonNullable<LedgerPorts['at']> {
  let isDone = false;
  return async (reached) => {
    if (reached !== step || isDone) return;
    isDone = true;
    await act();
  };
}

describe.each(KINDS)(
  'two stores that reserve one tag at the same moment, keyless, on a log like %s',
  (kind) => {
    /** The second has reserved before the first claims, and goes on once the first is done. */
    async function race(one: Digest, two: Digest) {
      const { log, deployment, bound } = setUp(kind);
      const winner = deployment();
      const loser = deployment({
        at: once('reserved', () => winner.ledger.record(first(one), signal)),
      });
      const code = await codeOf(() => loser.ledger.record(first(two), signal));
      return { log, bound, winner, loser, code };
    }

    it('with two digests: the earlier claim wins, and the other tag is refused and never bound', async () => {
      const { winner, loser, bound, code } = await race(digestOfA, digestOfB);
      expect(code).toBe('RECORD_CONFLICTED');
      expect(await winner.ledger.find(alpine, signal)).toMatchObject({ logged: true });
      expect(await recordOf(loser.store)).toMatchObject({ phase: 'Conflicted', digest: digestOfB });
      expect(await codeOf(() => loser.ledger.find(alpine, signal))).toBe('RECORD_CONFLICTED');
      expect(bound()).toEqual(new Set([digestOfA]));
    });

    it('with two digests: the refused one is restored with the digest of the other', async () => {
      const { loser } = await race(digestOfA, digestOfB);
      expect(await codeOf(() => loser.restorer.restore(alpine, digestOfB, signal))).toBe('RECORD_LOST');
      expect(await loser.restorer.restore(alpine, digestOfA, signal)).toMatchObject({
        found: { logged: true, record: { digest: digestOfA } },
      });
    });

    it('with one digest: both have it', async () => {
      const { winner, loser, code } = await race(digestOfA, digestOfA);
      expect(code).toBeUndefined();
      for (const { ledger } of [winner, loser])
        expect(await ledger.find(alpine, signal)).toMatchObject({
          logged: true,
          record: { digest: digestOfA },
        });
    });

    it('with one digest, which the other binds a little later: both have it', async () => {
      const { deployment } = setUp(kind);
      let goOn: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      const { promise: claimed, resolve: tell } = Promise.withResolvers<undefined>();
      const winner = deployment({
        at: once('claimSubmitted', () => {
          tell(undefined);
          return held;
        }),
      });
      let winning: Promise<unknown> = Promise.resolve();
      const loser = deployment({
        at: once('reserved', () => {
          winning = winner.ledger.record(first(), signal);
          return claimed;
        }),
        async sleep() {
          goOn();
          await winning;
        },
      });
      expect(await loser.ledger.record(first(), signal)).toMatchObject({ found: { logged: true } });
      expect(await recordOf(loser.store)).toMatchObject({ phase: 'Logged' });
    });

    it('when both move the tag: the earlier claim on the generation wins', async () => {
      const { deployment, bound } = setUp(kind);
      const winner = deployment();
      await winner.ledger.record(first(), signal);
      let isMoving = false;
      const loser = deployment({
        async at(step) {
          if (step === 'reserved' && isMoving) await winner.ledger.advance(move(digestOfB), signal);
        },
      });
      await loser.ledger.record(first(), signal);
      isMoving = true;
      expect(await codeOf(() => loser.ledger.advance(move(digestOfC), signal))).toBe('RECORD_CONFLICTED');
      expect(bound()).toEqual(new Set([digestOfA, digestOfB]));
    });
  },
);

describe('two stores that reserve one tag at the same moment, by one key', () => {
  it('make one and the same claim, and are not told from two processes of one store', async () => {
    const { log, deployment } = setUp('embedded', 'key');
    const one = deployment();
    const two = deployment({ at: once('reserved', () => one.ledger.record(first(digestOfA), signal)) });
    expect(await two.ledger.record(first(digestOfB), signal)).toMatchObject({ found: { logged: true } });
    expect(log.entries).toHaveLength(3);
  });
});

describe('an earlier claim in the log', () => {
  it('is our own where the record has kept its signature, which was replaced since', async () => {
    const { log, deployment } = setUp('rekor-v1', 'keyless without timestamps');
    const dying = deployment({
      at: (step) => (step === 'claimSubmitted' ? new Promise(() => undefined) : undefined),
    });
    void dying.ledger.record(first(), signal);
    await settled(() => log.entries.length === 1);
    log.pass(100);
    // when it is asked for at the renewal, the index does not name the entry yet
    let isNamed = false;
    const history = log.history();
    const { store } = dying;
    const { publisher } = deployment({
      store,
      history: {
        ...history,
        earliest: async (...asked) => (isNamed ? history.earliest(...asked) : undefined),
      },
      at: once('signed', () => (isNamed = true)),
    });
    expect(await publisher.publish(alpine)).toMatchObject({ logged: true });
    expect(log.entries).toHaveLength(3);
    const record = await recordOf(store);
    expect(record?.outdated).toHaveLength(2);
    expect(record?.outdated).toContain(log.entries[0]?.signed.signature);
    expect(parseTagRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
  });

  it('is not taken for our own when signatures are made anew', async () => {
    const { log, deployment, bound } = setUp('rekor-v1', 'keyless without timestamps');
    const dying = deployment({
      at: (step) => (step === 'reserved' ? new Promise(() => undefined) : undefined),
    });
    void dying.ledger.record(first(digestOfB), signal);
    await settled(async () => (await recordOf(dying.store)) !== undefined);
    await deployment().ledger.record(first(digestOfA), signal);
    log.pass(100);
    const { publisher } = deployment({ store: dying.store });
    expect(await codeOf(() => publisher.publish(alpine))).toBe('RECORD_CONFLICTED');
    expect(bound()).toEqual(new Set([digestOfA]));
  });

  it('denies, too, when the index of a Rekor v1 names it only after the binding was submitted', async () => {
    const { log, deployment } = setUp('rekor-v1');
    const winner = deployment();
    let isNamed = true;
    const history = log.history();
    const loser = deployment({
      history: {
        ...history,
        earliest: async (...asked) => (isNamed ? history.earliest(...asked) : undefined),
      },
      async at(step) {
        if (step === 'reserved') await winner.ledger.record(first(digestOfA), signal);
        isNamed = step !== 'reserved' && step !== 'claimSubmitted';
      },
    });
    expect(await codeOf(() => loser.ledger.record(first(digestOfB), signal))).toBe('RECORD_CONFLICTED');
  });

  it('is waited for where the log could not be read up to our own', async () => {
    const { log, deployment, bound } = setUp();
    const history = log.history();
    let isRead = true;
    const slept: number[] = [];
    const { ledger, publisher } = deployment({
      history: { ...history, ready: async (until) => (isRead ? history.ready(until) : undefined) },
      at(step) {
        if (step === 'reserved') isRead = false;
      },
      sleep: async (ms) => void slept.push(ms),
    });
    expect(await ledger.record(first(), signal)).toMatchObject({
      kind: 'pending',
      outage: { code: 'LOG_UNAVAILABLE' },
    });
    expect(bound().size).toBe(0);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(15_000);
    isRead = true;
    expect(await publisher.publish(alpine)).toMatchObject({ logged: true });
  });
});

describe('any number of keyless stores, in any order of events', () => {
  it.each(KINDS)('bind one digest to a tag: on a log like %s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom(digestOfA, digestOfB, digestOfC), { minLength: 2, maxLength: 4 }),
        async (scheduler, digests) => {
          const { deployment, bound } = setUp(kind);
          const turn = () => scheduler.schedule(Promise.resolve());
          const all = digests.map((digest) => ({ digest, ...deployment({ at: turn, sleep: turn }) }));
          await scheduler.waitFor(
            Promise.all(all.map(({ ledger, digest }) => codeOf(() => ledger.record(first(digest), signal)))),
          );
          expect(bound().size).toBe(1);
          const found = await Promise.all(all.map(({ store }) => recordOf(store)));
          const meant = found.flatMap((record) => (record?.phase === 'Logged' ? [record.digest] : []));
          expect(new Set(meant)).toEqual(bound());
        },
      ),
      { numRuns: 100 },
    );
  });
});
