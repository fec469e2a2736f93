import { describe, expect, it } from '@jest/globals';
import { resumeReservations, retryUnfinished } from '../../../src/protocol/resume.ts';
import type { StepHook } from '../../../src/protocol/steps.ts';
import { isTagReference, parseReference } from '../../../src/reference/parse-reference.ts';
import { silentLogger, wireLedger } from '../../support/ledger-setup.ts';
import { makeMemoryLog } from '../../support/memory-log.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const TOGETHER = 16;

/** A log that goes down when so many tags are reserved; `process` starts another one on the same store. */
async function setUp(tags: number) {
  const log = makeMemoryLog();
  const store = makeMemoryStore();
  const process = (at?: StepHook) =>
    wireLedger({
      store,
      signer: log.keySigner(),
      verifier: log.verifier,
      writer: log.writer,
      history: log.history(),
      ...(at && { at }),
    });
  const fall: StepHook = (step) => {
    if (step === 'reserved') log.down(true);
  };
  let hook: StepHook = fall;
  const { ledger, publisher } = process((step) => hook(step));
  for (let i = 0; i < tags; i++) {
    log.down(false);
    const reference = parseReference(`alpine:${i}`);
    if (!isTagReference(reference)) throw new Error('no tag');
    await ledger.record({ reference, digest: digestOfA, origin: 'cli', waitFor: 'logged' }, signal);
  }
  hook = () => undefined;
  const phases = async () => {
    const all: string[] = [];
    for await (const item of store.list(signal)) all.push('record' in item ? item.record.phase : 'invalid');
    return all;
  };
  return { log, store, publisher, process, phases, hookTo: (next: StepHook) => (hook = next) };
}

/** Holds whoever comes until `count` have come. */
function barrier(count: number): () => Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let come = 0;
  return () => {
    come += 1;
    if (come === count) resolve(undefined);
    return promise;
  };
}

describe('what an outage of the log has cut short', () => {
  it('is published together, after one alone has shown that the log is back', async () => {
    const { log, publisher, phases, hookTo } = await setUp(1 + TOGETHER);
    log.down(false);
    const first: string[] = [];
    const together = barrier(TOGETHER);
    hookTo((step) => {
      if (step !== 'saved') return undefined;
      if (first.length > 0) return together();
      first.push(step);
      expect(log.entries).toHaveLength(2);
      return undefined;
    });
    await retryUnfinished(publisher);
    expect(publisher.unfinished()).toEqual([]);
    expect(new Set(await phases())).toEqual(new Set(['Logged']));
    expect(log.entries).toHaveLength(2 * (1 + TOGETHER));
  });

  it('stays unfinished while the log is away', async () => {
    const { publisher } = await setUp(3);
    expect(await codeOf(() => retryUnfinished(publisher))).toBe('LOG_UNAVAILABLE');
    expect(publisher.unfinished()).toHaveLength(3);
  });
});

describe('what an earlier process has left behind', () => {
  it('is published together, all of it', async () => {
    const { log, store, process, phases } = await setUp(TOGETHER + 3);
    log.down(false);
    const together = barrier(TOGETHER);
    const { publisher } = process((step) => (step === 'saved' ? together() : undefined));
    await resumeReservations({ store, publisher, logger: silentLogger });
    expect(new Set(await phases())).toEqual(new Set(['Logged']));
    expect(log.entries).toHaveLength(2 * (TOGETHER + 3));
  });
});
