import { LRUCache } from 'lru-cache';
import type { Ledger, VerifiedRecord } from '../check/ports.ts';
import { makeForesee } from '../protocol/foresee.ts';
import { makeKnownRecords, type KnownRecords } from '../protocol/known-records.ts';
import { makeLedger } from '../protocol/ledger.ts';
import { makeRecordMemory, type RecordMemory } from '../protocol/memory.ts';
import type { Naming } from '../protocol/naming.ts';
import type {
  Clock,
  EvidenceVerifier,
  LogHistory,
  LogWriter,
  RecordStore,
  StatementSigner,
} from '../protocol/ports.ts';
import { makePublisher, type Publisher } from '../protocol/publish.ts';
import { makeRepublisher } from '../protocol/republish.ts';
import { makeRebuilder } from '../protocol/rebuild.ts';
import { makeReserver } from '../protocol/reserve.ts';
import { makeRestorer, type Restorer } from '../protocol/restore.ts';
import type { StepHook } from '../protocol/steps.ts';
import { makeWinner, type WinnerParts } from '../protocol/winner.ts';

/** Without their evidence each takes some 2 kB; the warm path needs no store for as many tags as this. */
const MAX_REMEMBERED = 20_000;

export interface LedgerSources {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: LogWriter;
  readonly history: LogHistory;
  readonly clock: Clock;
  readonly at: StepHook;
  readonly sleep: WinnerParts['sleep'];
  /** Ends with the program. */
  readonly lifetime: AbortSignal;
}

/** The ledger protocol (DESIGN section 4), wired over one store, one log and one signer. */
export interface LedgerAssembly {
  readonly ledger: Ledger;
  readonly records: KnownRecords;
  readonly publisher: Publisher;
  readonly restorer: Restorer;
  readonly memory: RecordMemory;
}

export function assembleLedger(sources: LedgerSources): LedgerAssembly {
  const memory = makeRecordMemory(new LRUCache<string, VerifiedRecord>({ max: MAX_REMEMBERED }));
  const records = makeKnownRecords({ ...sources, memory });
  const publisher = makePublisher({ ...sources, records });
  const rebuilder = makeRebuilder(sources);
  const republisher = makeRepublisher({ ...sources, publisher });
  const reserver = makeReserver({ ...sources, rebuilder });
  const winner = makeWinner({ records, publisher, sleep: sources.sleep });
  const foresee = makeForesee({ ...sources, records });
  return {
    ledger: makeLedger({ records, reserver, publisher, winner, foresee }),
    records,
    publisher,
    restorer: makeRestorer({ ...sources, records, rebuilder, publisher, republisher }),
    memory,
  };
}
