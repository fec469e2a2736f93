import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { VerifiedRecord } from '../../../src/check/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { CLAIM_TYPE, parseBinding, parseClaim } from '../../../src/ledger/statement.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { resumeReservations } from '../../../src/protocol/resume.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
import { alpine, digestOfC, signal } from '../../support/generations-setup.ts';
import { silentLogger, wireLedger, type ReadyLedger } from '../../support/ledger-setup.ts';
import { makeMemoryLog, type MemoryLog } from '../../support/memory-log.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';

const DIGESTS = [digestOfA, digestOfB, digestOfC];
const STEPS: readonly ProtocolStep[] = [
  'resolved',
  'signed',
  'reserved',
  'claimSubmitted',
  'bindingSubmitted',
  'verified',
  'saved',
];

/** What a process does; it may die at a step, and another one takes its place. */
const anyAct = fc.record({
  kind: fc.constantFrom('record', 'record', 'advance', 'advance', 'restore', 'find'),
  digest: fc.constantFrom(...DIGESTS),
  dieAt: fc.option(fc.constantFrom(...STEPS), { freq: 3 }),
});
type Act = typeof anyAct extends fc.Arbitrary<infer T> ? T : never;

/** Two processes act at the same time; before that the store may lose something, and the log be down meanwhile. */
const anyRound = fc.record({
  acts: fc.tuple(anyAct, fc.option(anyAct)),
  loss: fc.constantFrom('nothing', 'nothing', 'nothing', 'everything', 'newest'),
  isDown: fc.constantFrom(false, false, false, true),
});

const WORLDS = ['key', 'keyless with timestamps', 'key on Rekor v1'] as const;
type World = (typeof WORLDS)[number];

interface Living extends ReadyLedger {
  die(): void;
}

/** Refusals that the protocol may give; anything else is a defect. */
const REFUSALS = new Set<string>(['RECORD_LOST', 'LOG_UNAVAILABLE', 'STORE_UNAVAILABLE']);

function makeModel(world: World, scheduler: fc.Scheduler) {
  const log: MemoryLog = makeMemoryLog(world === 'key on Rekor v1' ? 'rekor-v1' : 'embedded');
  const signer = world.startsWith('keyless') ? log.keylessSigner({ timestamps: true }) : log.keySigner();
  const living: Living[] = [];
  const admitted = new Map<number, Set<string>>();
  let store = makeMemoryStore();
  let newest = -1;
  /** What somebody has asked to record, or accepted. */
  const wanted = new Set<Digest>();

  /** Every call of a port waits for its turn, and a dead process gets none. */
  function scheduled<Port extends object>(port: Port, isDead: () => boolean): Port {
    return new Proxy(port, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function' || ['list', 'position', 'knows', 'isFresh'].includes(String(name)))
          return member;
        return async (...given: unknown[]) => {
          await scheduler.schedule(Promise.resolve(), String(name));
          if (isDead()) return new Promise(() => undefined);
          return Reflect.apply(member, target, given) as unknown;
        };
      },
    });
  }

  /** The store of now, whose followers hear of newer generations at once. */
  const shared: RecordStore = {
    find: (...asked) => store.find(...asked),
    generations: (...asked) => store.generations(...asked),
    list: (...asked) => store.list(...asked),
    update: (...asked) => store.update(...asked),
    async reserve(record, until) {
      const outcome = await store.reserve(record, until);
      for (const process of living) process.onGeneration(record.claimId, record.generation);
      return outcome;
    },
  };

  function start(
    at: number,
    dieAt: ProtocolStep | null = null,
  ): { process: Living; died: Promise<undefined> } {
    const { promise: died, resolve } = Promise.withResolvers<undefined>();
    let isDead = false;
    const die = () => {
      isDead = true;
      resolve(undefined);
    };
    const process = {
      ...wireLedger({
        store: scheduled(shared, () => isDead),
        signer: scheduled(signer, () => isDead),
        verifier: log.verifier,
        writer: scheduled(log.writer, () => isDead),
        history: scheduled(log.history(), () => isDead),
        at(step) {
          if (step === dieAt) die();
          return isDead ? new Promise(() => undefined) : undefined;
        },
      }),
      die,
    };
    living[at] = process;
    return { process, died };
  }

  function admit(found: VerifiedRecord | undefined, atLeast: number): void {
    if (found?.logged !== true) return;
    const { generation, digest } = found.record;
    expect(wanted).toContain(digest);
    expect(generation).toBeGreaterThanOrEqual(atLeast);
    admitted.set(generation, (admitted.get(generation) ?? new Set()).add(digest));
    expect(admitted.get(generation)?.size).toBe(1);
    newest = Math.max(newest, generation);
  }

  async function act(
    { ledger, restorer }: Living,
    { kind, digest }: Act,
  ): Promise<VerifiedRecord | undefined> {
    const request = { reference: alpine, digest, origin: 'cli', waitFor: 'logged' } as const;
    if (kind === 'record' || kind === 'advance') wanted.add(digest);
    switch (kind) {
      case 'record':
        return (await ledger.record(request, signal)).found;
      case 'restore': {
        const restored = await restorer.restore(alpine, digest, signal);
        return 'found' in restored ? restored.found : undefined;
      }
      case 'find':
        return ledger.find(alpine, signal);
      default: {
        const known = await ledger.latest(alpine, signal).catch(forgivenWhereLost);
        if (known !== undefined)
          return (await ledger.advance({ ...request, from: known.record.generation }, signal)).found;
        // a person accepts the move over what is lost for good
        const mended = await restorer.mend(alpine, digest, signal);
        if (mended.kind === 'absent') return undefined;
        if (mended.kind !== 'lost') return mended.found;
        const { generation: from, privacy: lost } = mended;
        return (await ledger.advance({ ...request, from, lost }, signal)).found;
      }
    }
  }

  async function tried<T>(work: Promise<T>): Promise<{ readonly done: T } | { readonly refused: ErrorCode }> {
    try {
      return { done: await work };
    } catch (error) {
      if (error instanceof AppError && REFUSALS.has(error.code)) return { refused: error.code };
      throw error;
    }
  }

  async function refusable<T>(work: Promise<T>): Promise<T | undefined> {
    const result = await tried(work);
    return 'done' in result ? result.done : undefined;
  }

  /** What the log alone says: which generations are claimed, and which digests are bound to each. */
  function logged(): {
    readonly claimed: readonly number[];
    readonly bound: ReadonlyMap<number, Set<Digest>>;
  } {
    const claimed = new Set<number>();
    const bound = new Map<number, Set<Digest>>();
    const seen = new Set<string>();
    for (const { signed } of log.entries) {
      // a key makes one entry of one statement; a certificate's later copies say the same
      if (signer.deterministic) expect(seen).not.toContain(signed.statement);
      seen.add(signed.statement);
      if (signed.statement.includes(CLAIM_TYPE)) {
        claimed.add(parseClaim(signed.statement).generation ?? 0);
        continue;
      }
      const { generation, digest } = parseBinding(signed.statement);
      bound.set(generation, (bound.get(generation) ?? new Set()).add(digest));
      // neither in vain nor before its time
      expect(claimed).toContain(generation);
      expect(bound.get(generation)?.size).toBe(1);
      expect(wanted).toContain(digest);
    }
    // no gap, or nobody would find the newest
    expect([...claimed].sort((a, b) => a - b)).toEqual([...claimed.keys()].map((_, i) => i));
    return { claimed: [...claimed], bound };
  }

  /** The newest record of the store, whatever it is worth. */
  async function recorded(): Promise<TagRecord | undefined> {
    const records: TagRecord[] = [];
    for await (const item of store.list(signal)) if ('record' in item) records.push(item.record);
    return records.sort((a, b) => b.generation - a.generation)[0];
  }

  async function lose(loss: 'nothing' | 'everything' | 'newest'): Promise<void> {
    // a Rekor v1 is not asked at each look-up: there only the next move would notice
    if (loss === 'nothing' || (loss === 'newest' && world === 'key on Rekor v1')) return;
    const kept: TagRecord[] = [];
    for await (const item of store.list(signal)) if ('record' in item) kept.push(item.record);
    store = makeMemoryStore();
    if (loss === 'everything') return;
    const last = Math.max(...kept.map(({ generation }) => generation));
    for (const record of kept) if (record.generation < last) await store.reserve(record, signal);
  }

  /** A tail follows the log all the time, and is read once before a process answers anybody. */
  async function follow(): Promise<void> {
    for (const { history } of living) await scheduler.waitFor(refusable(history.ready(signal)));
  }

  return {
    async round({ acts, loss, isDown }: typeof anyRound extends fc.Arbitrary<infer T> ? T : never) {
      await lose(loss);
      const atLeast = newest;
      const running: Promise<unknown>[] = [];
      for (const [at, each] of acts.entries()) {
        if (each === null) continue;
        const isNew = living[at] === undefined || each.dieAt !== null;
        const { process, died } = isNew ? start(at, each.dieAt) : { process: living[at], died: undefined };
        if (process === undefined) continue;
        if (isNew) await scheduler.waitFor(refusable(process.history.ready(signal)));
        const done = refusable(act(process, each)).then((found) => admit(found, atLeast));
        running.push(died === undefined ? done : Promise.race([done, died]));
      }
      log.down(isDown);
      await scheduler.waitFor(Promise.all(running));
      log.down(false);
      // whoever was to die is gone by now, wherever it was
      for (const [at, each] of acts.entries()) {
        if (each?.dieAt === null || each === null) continue;
        living[at]?.die();
        start(at);
      }
      await follow();
    },

    /** Left alone, everything that is reserved gets into the log, and what was admitted last is there. */
    async settle() {
      const { process } = start(0);
      start(1);
      await follow();
      const { publisher, ledger, restorer } = process;
      await scheduler.waitFor(resumeReservations({ store: shared, publisher, logger: silentLogger }));
      const { claimed, bound } = logged();
      const last = Math.max(-1, ...claimed);
      for await (const item of store.list(signal)) {
        if (!('record' in item)) continue;
        const { phase, origin, generation } = item.record;
        // restored at the moment at which somebody accepted over it: history, which the log holds already
        const isOvertaken = origin === 'restore' && generation < last;
        expect(isOvertaken ? ['Reserved', 'Logged', 'Lost'] : ['Logged', 'Lost']).toContain(phase);
      }
      expect(last).toBeGreaterThanOrEqual(newest);
      const [digest] = bound.get(last) ?? [];
      const [stale] = DIGESTS.filter((each) => each !== digest);
      const sound = await scheduler.waitFor(tried(ledger.find(alpine, signal)));
      const isSound = 'done' in sound && sound.done !== undefined;
      // with what the log does not bind nothing is restored, unless there is nothing to restore
      if (!isSound && last >= 0 && (await recorded())?.digest !== digest) {
        expect(await scheduler.waitFor(tried(restorer.restore(alpine, stale, signal)))).toEqual({
          refused: 'RECORD_LOST',
        });
      }
      const restored = await scheduler.waitFor(tried(restorer.restore(alpine, digest, signal)));
      if (last < 0) expect(restored).toEqual({ done: { kind: 'absent' } });
      else if (digest === undefined) expect(restored).toEqual({ refused: 'RECORD_LOST' });
      else {
        expect(restored).toMatchObject({ done: { found: { logged: true } } });
        await follow();
        const found = await scheduler.waitFor(ledger.find(alpine, signal));
        expect(found).toMatchObject({ logged: true, record: { generation: last, digest } });
        admit(found, newest);
      }
      logged();
    },
  };
}

function forgivenWhereLost(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'RECORD_LOST') return undefined;
  throw error;
}

describe('two processes on one store and one log, in any order of events', () => {
  it.each(WORLDS)(
    'give a generation one digest, go back to none, and end in the log: %s',
    async (world) => {
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(anyRound, { minLength: 2, maxLength: 7 }),
          async (scheduler, rounds) => {
            const model = makeModel(world, scheduler);
            for (const round of rounds) await model.round(round);
            await model.settle();
          },
        ),
        { numRuns: 300, includeErrorInReport: true },
      );
    },
    20_000,
  );
});
