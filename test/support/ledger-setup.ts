import type { Ledger, VerifiedRecord } from '../../src/check/ports.ts';
import type { Logger } from '../../src/observe/log.ts';
import { makeLedger } from '../../src/protocol/ledger.ts';
import { makeNaming } from '../../src/protocol/naming.ts';
import type { RecordStore } from '../../src/protocol/ports.ts';
import { makePublisher, type Publisher } from '../../src/protocol/publish.ts';
import { makeReserver } from '../../src/protocol/reserve.ts';
import type { StepHook } from '../../src/protocol/steps.ts';
import { makeTail, type Tail } from '../../src/protocol/tail.ts';
import { generateKey, makeKeySigner, type KeySigner } from '../../src/rekor/key-signer.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';

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
  readonly at?: StepHook;
  readonly lifetime?: AbortSignal;
}

export interface ReadyLedger {
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly tail: Tail;
  readonly memory: Map<string, VerifiedRecord>;
}

/** The ledger of one process, as compose.ts wires it, over the given store, key and log. */
export function setUpLedger({
  store,
  signer,
  log,
  privacy = 'auto',
  at,
  lifetime,
}: LedgerSetup): ReadyLedger {
  const naming = makeNaming({ scope: 'default', privacy, blindingKey: Buffer.alloc(32, 7) });
  const verifier = makeEvidenceVerifier({ keys: [signer.spki], logs: [log.trust] });
  const client = makeRekorV2Client({
    url: 'memory:log',
    trust: log.trust,
    write: log.transport,
    read: { transport: log.transport, prefix: '/api/v2' },
  });
  const memory = new Map<string, VerifiedRecord>();
  const life = lifetime ?? new AbortController().signal;
  const tail = makeTail({
    reader: client,
    verifier,
    logger: silentLogger,
    origin: log.trust.origin,
    lifetime: life,
  });
  const shared = { store, naming, verifier, memory, writer: client, at: at ?? (() => undefined) };
  const publisher = makePublisher({ ...shared, lifetime: life });
  const reserver = makeReserver({
    ...shared,
    signer,
    reader: client,
    tail,
    clock: { now: () => 1_780_000_000_000 },
  });
  return {
    ledger: makeLedger({ store, naming, verifier, memory, reserver, publisher }),
    publisher,
    tail,
    memory,
  };
}
