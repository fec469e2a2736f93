import type { Ledger, VerifiedRecord } from '../../src/check/ports.ts';
import type { Logger } from '../../src/observe/log.ts';
import { makeForesee } from '../../src/protocol/foresee.ts';
import { makeKnownRecords } from '../../src/protocol/known-records.ts';
import { makeLedger } from '../../src/protocol/ledger.ts';
import { makeRecordMemory, type RecordMemory } from '../../src/protocol/memory.ts';
import { makeNaming, type Naming } from '../../src/protocol/naming.ts';
import type {
  EvidenceVerifier,
  LogHistory,
  LogWriter,
  RecordStore,
  StatementSigner,
} from '../../src/protocol/ports.ts';
import { makePublisher, type Publisher } from '../../src/protocol/publish.ts';
import { makeRepublisher } from '../../src/protocol/republish.ts';
import { makeRebuilder } from '../../src/protocol/rebuild.ts';
import { makeReserver } from '../../src/protocol/reserve.ts';
import { makeRestorer, type Restorer } from '../../src/protocol/restore.ts';
import type { StepHook } from '../../src/protocol/steps.ts';
import { makeWinner, type WinnerParts } from '../../src/protocol/winner.ts';
import { generateKey, makeKeySigner, type KeySigner } from '../../src/rekor/key-signer.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { makeTestHistory } from './test-history.ts';

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

export function makeTestSigner(): KeySigner {
  return makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
}

export interface LedgerSetup {
  readonly store: RecordStore;
  readonly signer: KeySigner;
  readonly log: { readonly trust: LogTrust; readonly transport: LogTransport };
  readonly privacy?: 'auto' | 'plain' | 'blinded';
  readonly scope?: string;
  readonly at?: StepHook;
  readonly lifetime?: AbortSignal;
  /** No time passes where it is absent. */
  readonly sleep?: WinnerParts['sleep'];
}

export interface ReadyLedger {
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly restorer: Restorer;
  readonly naming: Naming;
  readonly history: LogHistory;
  readonly memory: Map<string, VerifiedRecord>;
  readonly onGeneration: RecordMemory['onGeneration'];
}

/** The ledger of one process over the given store and key, and a log that speaks the API of Rekor v2. */
export function setUpLedger({ signer, log, ...setup }: LedgerSetup): ReadyLedger {
  const client = makeRekorV2Client({
    url: 'memory:log',
    trust: log.trust,
    write: log.transport,
    read: { transport: log.transport, prefix: '/api/v2' },
  });
  return wireLedger({
    ...setup,
    signer,
    verifier: makeEvidenceVerifier({ keys: [signer.spki], identities: [], logs: [log.trust] }),
    writer: client,
    history: makeTestHistory({ reader: client, origin: log.trust.origin, spkis: [signer.spki] }),
  });
}

export interface LedgerPorts extends Pick<
  LedgerSetup,
  'store' | 'privacy' | 'scope' | 'at' | 'lifetime' | 'sleep'
> {
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: LogWriter;
  readonly history: LogHistory;
}

/** The ledger of one process, as compose wires it. */
export function wireLedger(ports: LedgerPorts): ReadyLedger {
  const { store, verifier, history, privacy = 'auto', scope = 'default' } = ports;
  const naming = makeNaming({ scope, privacy, blindingKey: Buffer.alloc(32, 7) });
  const cache = new Map<string, VerifiedRecord>();
  const memory = makeRecordMemory(cache);
  const lifetime = ports.lifetime ?? new AbortController().signal;
  const shared = {
    ...ports,
    naming,
    lifetime,
    at: ports.at ?? (() => undefined),
    sleep: ports.sleep ?? (async () => undefined),
    clock: { now: () => 1_780_000_000_000 },
  };
  const records = makeKnownRecords({ store, naming, verifier, memory, history, lifetime });
  const rebuilder = makeRebuilder(shared);
  const publisher = makePublisher({ ...shared, records });
  const republisher = makeRepublisher({ ...shared, publisher });
  const reserver = makeReserver({ ...shared, rebuilder });
  const winner = makeWinner({ records, publisher, sleep: shared.sleep });
  const foresee = makeForesee({ ...shared, records });
  return {
    ledger: makeLedger({ records, reserver, publisher, winner, foresee }),
    publisher,
    restorer: makeRestorer({ ...shared, records, rebuilder, publisher, republisher }),
    naming,
    history,
    memory: cache,
    onGeneration: memory.onGeneration,
  };
}
