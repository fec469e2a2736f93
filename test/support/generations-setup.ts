import type { AdvanceRequest, RecordRequest } from '../../src/check/ports.ts';
import type { TagRecord } from '../../src/ledger/record.ts';
import type { RecordStore, StatementSigner } from '../../src/protocol/ports.ts';
import type { ProtocolStep } from '../../src/protocol/steps.ts';
import { parseDigest } from '../../src/reference/parse-digest.ts';
import { wireLedger, type LedgerPorts, type ReadyLedger } from './ledger-setup.ts';
import { makeMemoryLog, type MemoryLog, type MemoryLogKind } from './memory-log.ts';
import { makeMemoryStore } from './memory-store.ts';
import { digestOfA, digestOfB } from './sample-record.ts';
import { tagReference } from './test-registry.ts';

export const { signal } = new AbortController();
export const digestOfC = parseDigest(`sha256:${'c'.repeat(64)}`);
export const alpine = tagReference('alpine:3.16');
export const approval = { by: 'Jürgen', reason: 'CVE-2026-1' };

export interface Generations {
  readonly log: MemoryLog;
  store: RecordStore;
  signer: StatementSigner;
  /** A new process over the same store and log. */
  process(change?: Partial<LedgerPorts>): ReadyLedger;
  /** A process that stops for ever at this step; resolves when it has. */
  stopped(step: ProtocolStep, act: (process: ReadyLedger) => Promise<unknown>): Promise<void>;
  /** Recorded as A, then moved to B. */
  moved(): Promise<void>;
  all(): Promise<readonly TagRecord[]>;
}

export function first(digest = digestOfA, change: Partial<RecordRequest> = {}): RecordRequest {
  return { reference: alpine, digest, origin: 'cli', waitFor: 'logged', ...change };
}

export function move(digest = digestOfB, change: Partial<AdvanceRequest> = {}): AdvanceRequest {
  return { ...first(digest), from: 0, ...change };
}

export function setUpGenerations(kind: MemoryLogKind = 'embedded'): Generations {
  const log = makeMemoryLog(kind);
  const setup: Generations = {
    log,
    store: makeMemoryStore(),
    signer: log.keySigner(),
    process(change = {}) {
      const { store, signer } = setup;
      const { writer, verifier } = log;
      return wireLedger({ store, signer, writer, verifier, history: log.history(), ...change });
    },
    async stopped(step, act) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const process = setup.process({
        at(reached) {
          if (reached !== step) return undefined;
          resolve(undefined);
          return new Promise(() => undefined);
        },
      });
      void act(process).catch(() => undefined);
      await promise;
    },
    async moved() {
      const { ledger } = setup.process();
      await ledger.record(first(digestOfA), signal);
      await ledger.advance(move(digestOfB), signal);
    },
    async all() {
      const records: TagRecord[] = [];
      for await (const item of setup.store.list(signal)) if ('record' in item) records.push(item.record);
      return records.sort((a, b) => a.generation - b.generation);
    },
  };
  return setup;
}
