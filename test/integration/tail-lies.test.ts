import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../src/errors/code.ts';
import type { SignedStatement } from '../../src/ledger/evidence.ts';
import type { TagRecord } from '../../src/ledger/record.ts';
import { statementDigest } from '../../src/ledger/statement.ts';
import type { LogFields } from '../../src/observe/log.ts';
import { makeAuditor, type AuditReport } from '../../src/protocol/audit.ts';
import type { RecordStore, StateStore } from '../../src/protocol/ports.ts';
import { makeSharedTail } from '../../src/protocol/shared-tail.ts';
import { makeTailLease } from '../../src/protocol/tail-lease.ts';
import { makeTailSnapshots } from '../../src/protocol/tail-snapshot.ts';
import { makeTileHistory } from '../../src/protocol/tile-history.ts';
import { entryBody, entryParts } from '../../src/rekor/entry.ts';
import { generateKey, makeKeySigner } from '../../src/rekor/key-signer.ts';
import { makeLeafVerifier } from '../../src/rekor/leaf-verifier.ts';
import { printEntryBundle, parseEntryBundle } from '../../src/rekor/tiles.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import { logIdOf } from '../../src/rekor/trusted-root.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { startLyingLog, type Lie, type LyingLog } from '../support/lying-log.ts';
import { makeMemoryState } from '../support/memory-state.ts';
import { makeMemoryStore } from '../support/memory-store.ts';
import { sampleRecord } from '../support/sample-record.ts';
import { SILENT } from '../support/test-log.ts';
import { makeTestSigner, NEVER } from '../support/test-signer.ts';
import { codeOf } from '../support/throw-with-code.ts';

const signer = makeTestSigner();
const stranger = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
const trustedSigners = { keys: [signer.spki], identities: [] };
const HEAD = /checkpoint/;

/** What all processes of a ledger share. */
interface Shared {
  readonly log: LyingLog;
  readonly state: StateStore;
  readonly store: RecordStore;
}

/** One process that follows the log and audits it. */
function start(
  { log, state, store }: Shared,
  distort: (transport: LogTransport) => LogTransport = (same) => same,
) {
  const { url, trust, dispatcher, timeLimits } = log;
  const events: [string, LogFields][] = [];
  const logger = {
    ...SILENT,
    error: (event: string, fields: LogFields) => void events.push([event, fields]),
  };
  const transport = distort(makeUndiciTransport({ baseUrl: url, dispatcher, timeLimits }));
  const read = { transport, prefix: '/api/v2' };
  const client = makeRekorV2Client({ url, trust, write: transport, read, sleep: async () => undefined });
  const verifier = makeEvidenceVerifier({ ...trustedSigners, logs: [trust] });
  const place = {
    log: { origin: trust.origin, spki: Buffer.from(trust.spki, 'base64') },
    watched: [signer.spki],
  };
  const clock = { monotonicMs: () => 0 };
  const shared = makeSharedTail({
    reader: client,
    verifier,
    logger,
    origin: trust.origin,
    lifetime: NEVER,
    clock,
    lease: makeTailLease({ state, name: 'lease', holder: randomUUID(), clock, periodMs: 1_000 }),
    snapshots: makeTailSnapshots({ ...place, state, key: Buffer.from('secret'), logger }),
  });
  const { tail } = shared;
  const auditor = makeAuditor({
    logs: [{ tail, reader: client, logId: logIdOf(trust) }],
    store,
    verifier,
    leaves: makeLeafVerifier(trust.kind, trustedSigners),
    logger,
  });
  const history = makeTileHistory({ tail, reader: client, verifier });
  return {
    client,
    events,
    history,
    tail,
    turn: () => shared.turn(NEVER),
    close: () => shared.close(NEVER),
    audit: () => auditor.run(NEVER),
  };
}

type Process = ReturnType<typeof start>;

async function logged(
  client: Process['client'],
  text: string,
): Promise<SignedStatement & { bundle: Readonly<Record<string, unknown>> }> {
  const signed = await signer.sign(text, NEVER);
  return { ...signed, bundle: (await client.submit(signed, NEVER)).bundle };
}

/** The record of a first sight, as it is once the log has answered. */
async function record(client: Process['client'], treeSize: number): Promise<TagRecord> {
  const sample = sampleRecord('docker.io/library/alpine:3.16', {
    reservedAt: { origin: 'lying.test', treeSize },
  });
  return {
    ...sample,
    phase: 'Logged',
    claim: await logged(client, sample.claim.statement),
    binding: await logged(client, sample.binding.statement),
  };
}

describe('the tail of a log that lies', () => {
  let shared: Shared;
  let process: Process;

  beforeEach(async () => {
    shared = { log: await startLyingLog(), state: makeMemoryState(), store: makeMemoryStore() };
    shared.log.addOthers(300);
    process = start(shared);
    const known = await record(process.client, 300);
    await shared.store.reserve(known, NEVER);
    await process.tail.ready(NEVER);
    expect(await process.audit()).toMatchObject({ confirmed: 1, unexplained: 0 });
    await process.close();
    await process.turn();
  });
  afterEach(async () => shared.log[Symbol.asyncDispose]());

  /** Whether the known tag still has its evidence, without any log. */
  async function knowsItsTag(): Promise<boolean> {
    const { claimId } = sampleRecord('docker.io/library/alpine:3.16');
    return (await shared.store.find(claimId, NEVER))?.record.phase === 'Confirmed';
  }

  const FORKS: readonly (readonly [string, (log: LyingLog) => void])[] = [
    ['shows one head to some and another to others', (log) => log.lie('splitView', HEAD)],
    ['has shrunk', (log) => log.lie('shrunkTree')],
    ['has lost its last leaves in a restart, and has others', (log) => log.forkAfterRestart(2)],
    ['has lost all', (log) => log.forkAfterRestart(302)],
  ];

  it.each(FORKS)('alarms while it runs, for ever, when the log %s', async (_, lie) => {
    lie(shared.log);
    const seen = [];
    for (let looks = 0; looks < 3; looks += 1) seen.push(await codeOf(() => process.turn()));
    expect(seen.at(-1)).toBe('LOG_FORKED');
    shared.log.lie(undefined);
    expect(await codeOf(() => process.history.ready(NEVER))).toBe('LOG_FORKED');
    expect(await codeOf(process.audit)).toBe('LOG_FORKED');
    expect(process.events).toMatchObject([['log.forked', { origin: 'lying.test', treeSize: 302 }]]);
    expect(process.tail.position().treeSize).toBe(302);
    expect(await knowsItsTag()).toBe(true);
  });

  it.each(FORKS)('alarms at the first look after a stop when the log %s meanwhile', async (_, lie) => {
    lie(shared.log);
    const seen = [];
    const again = start(shared);
    for (let looks = 0; looks < 3; looks += 1) seen.push(await codeOf(() => again.tail.ready(NEVER)));
    expect(seen.at(-1)).toBe('LOG_FORKED');
    expect(again.events).toMatchObject([['log.forked', { treeSize: 302 }]]);
    expect(await knowsItsTag()).toBe(true);
  });

  const OUTAGES: readonly (readonly [Lie, ErrorCode | undefined])[] = [
    // a signed head proves itself, whatever it is called
    ['wrongContentType', undefined],
    ['html', 'LOG_PROOF_INVALID'],
    ['garbage', 'LOG_PROOF_INVALID'],
    ['garbageGzip', 'LOG_UNAVAILABLE'],
    ['endless', 'LOG_UNAVAILABLE'],
    ['slowDrip', 'LOG_UNAVAILABLE'],
    ['silence', 'LOG_UNAVAILABLE'],
    ['brokenConnection', 'LOG_UNAVAILABLE'],
    ['redirect', 'LOG_UNAVAILABLE'],
    ['serverError', 'LOG_UNAVAILABLE'],
    ['rateLimited', 'LOG_UNAVAILABLE'],
  ];

  it.each(OUTAGES)(
    'keeps its position and its mind for a head that is %s, and goes on after it',
    async (how, code) => {
      await logged(process.client, 'new');
      shared.log.lie(how, HEAD);
      const seen = await codeOf(() => process.turn());
      expect(seen).toBe(code);
      expect(process.tail.fork()).toBeUndefined();
      expect(await knowsItsTag()).toBe(true);
      shared.log.lie(undefined);
      await process.turn();
      expect(process.tail.position().treeSize).toBe(303);
      expect(process.history.knows(statementDigest('new'))).toBe(true);
    },
  );

  it('refuses the record of an entry that the log took, proved by a head of its own, and never showed', async () => {
    shared.log.lie('withheldEntry');
    const sample = sampleRecord('docker.io/library/busybox:1', {
      reservedAt: { origin: 'lying.test', treeSize: 302 },
    });
    const withheld: TagRecord = {
      ...sample,
      phase: 'Logged',
      claim: await logged(process.client, sample.claim.statement),
      binding: await logged(process.client, sample.binding.statement),
    };
    await shared.store.reserve(withheld, NEVER);
    shared.log.lie(undefined);
    await process.turn();
    expect(await process.audit()).toMatchObject({ unlogged: 0 });
    shared.log.addOthers(2);
    await process.turn();
    expect(await process.audit()).toMatchObject({ unlogged: 1, conflicted: 0, unexplained: 0 });
    expect((await shared.store.find(sample.claimId, NEVER))?.record.phase).toBe('Unlogged');
    expect(process.events).toMatchObject([['record.unlogged', { reference: sample.reference, index: 302 }]]);
    expect(await knowsItsTag()).toBe(true);
  });

  /** Somebody between here and the log changes a leaf. */
  function forging(change: (body: Uint8Array) => Uint8Array): (transport: LogTransport) => LogTransport {
    return (transport) => async (request) => {
      const answer = await transport(request);
      if (!request.path.includes('/tile/entries/')) return answer;
      return { ...answer, body: printEntryBundle(parseEntryBundle(answer.body).map(change)) };
    };
  }

  it('accepts no leaf that was changed on its way, at the first reading and when it reads it again', async () => {
    const ours = signer.spki;
    const change = (body: Uint8Array) =>
      Buffer.from(Buffer.from(body).toString('utf8').replace(ours, stranger.spki), 'utf8');
    const fresh = start({ ...shared, state: makeMemoryState() }, forging(change));
    expect(await codeOf(() => fresh.tail.ready(NEVER))).toBe('LOG_FORKED');
    expect(fresh.tail.own().count).toBe(0);
    const resumed = start(shared, forging(change));
    await resumed.tail.ready(NEVER);
    const { statement } = sampleRecord('docker.io/library/alpine:3.16').claim;
    expect(await codeOf(() => resumed.history.earliest(statement, NEVER))).toBe('LOG_PROOF_INVALID');
  });

  it.each<{
    readonly leaf: string;
    readonly found: Partial<AuditReport>;
    readonly add: () => Promise<readonly Uint8Array[]>;
  }>([
    {
      leaf: 'copies of our own entries',
      found: {},
      add: async () => shared.log.bodies.slice(300, 302),
    },
    {
      leaf: 'our key under a signature of another',
      found: {},
      add: async () => {
        const [signed, other] = [await signer.sign('forged', NEVER), await stranger.sign('forged', NEVER)];
        return [entryBody('rekor-v2', entryParts({ ...signed, signature: other.signature }))];
      },
    },
    {
      leaf: 'an entry that our key signed and nobody recorded',
      found: { unexplained: 1 },
      add: async () => [entryBody('rekor-v2', entryParts(await signer.sign('who was this?', NEVER)))],
    },
  ])('finds $found in a log that adds $leaf', async ({ add, found }) => {
    const bodies: unknown = shared.log.bodies;
    const added = await add();
    if (Array.isArray(bodies)) bodies.push(...added);
    await process.turn();
    expect(process.tail.own().count).toBe(2 + added.length);
    expect(await process.audit()).toEqual({
      records: 1,
      confirmed: 0,
      unexplained: 0,
      unlogged: 0,
      conflicted: 0,
      invalid: 0,
      ...found,
    });
    expect(await process.history.earliest('forged', NEVER)).toBeUndefined();
  });
});
