import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors/app-error.ts';
import { plainClaimId } from '../../src/ledger/claim-id.ts';
import { bindingStatement, claimStatement } from '../../src/ledger/statement.ts';
import { makeHeadTail } from '../../src/protocol/head-tail.ts';
import { makeSearchHistory } from '../../src/protocol/search-history.ts';
import { makeTail } from '../../src/protocol/tail.ts';
import { makeTileHistory } from '../../src/protocol/tile-history.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV1Client } from '../../src/rekor/v1-client.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { makeTestSigner, silentLogger, wireLedger, type ReadyLedger } from '../support/ledger-setup.ts';
import { startLyingLog } from '../support/lying-log.ts';
import { makeMemoryStore } from '../support/memory-store.ts';
import { digestOfA, digestOfB } from '../support/sample-record.ts';
import { startEmbeddedLog } from '../support/test-log.ts';
import { tagReference } from '../support/test-registry.ts';

const { signal } = new AbortController();
const signer = makeTestSigner();
const HOST = 'registry.example.com';
const REPOSITORY = 'secret-team/hidden-project';
const TAG = 'launch-of-march';
const reference = tagReference(`${HOST}/${REPOSITORY}:${TAG}`);
const approval = { by: 'Jürgen Geheim', reason: 'CVE-2026-1234 in hidden-project' };

/** What nobody may read in a log, nor confirm a guess of. */
function forbidden(): readonly string[] {
  const said = { scope: 'default', claimId: plainClaimId('default', reference.canonical) };
  const names = [
    HOST,
    REPOSITORY,
    'secret-team',
    'hidden-project',
    TAG,
    reference.canonical,
    approval.by,
    approval.reason,
  ];
  const statements = [0, 1].flatMap((generation) => [
    claimStatement({ ...said, generation }),
    ...[digestOfA, digestOfB].map((digest) =>
      bindingStatement({ ...said, reference: reference.canonical, digest, generation }),
    ),
  ]);
  const hashed = [...names, ...statements, `tagseal/claim/v1\ndefault\n${reference.canonical}`]
    .map((text) => createHash('sha256').update(text).digest())
    .concat([digestOfA, digestOfB].map((digest) => Buffer.from(digest.slice('sha256:'.length), 'hex')));
  return [
    ...names,
    ...hashed.flatMap((hash) => [hash.toString('hex'), hash.toString('base64'), hash.toString('base64url')]),
  ].map((text) => text.toLowerCase());
}

/** A text and what is encoded in it, to some depth: base64 in JSON in base64. */
function layersOf(text: string, depth = 3): readonly string[] {
  if (depth === 0) return [text];
  const encoded = text.match(/[A-Za-z0-9+/_-]{16,}={0,2}/g) ?? [];
  const decoded = [decodedUrl(text), ...encoded.map((each) => Buffer.from(each, 'base64').toString('utf8'))];
  return [text, ...decoded.filter((each) => each !== text).flatMap((each) => layersOf(each, depth - 1))];
}

function decodedUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What of the forbidden can be read in what was sent. */
function found(sent: readonly string[]): readonly string[] {
  const layers = sent.flatMap((each) => layersOf(each)).map((each) => each.toLowerCase());
  return forbidden().filter((needle) => layers.some((layer) => layer.includes(needle)));
}

/** Every byte that goes to the log, and none for as long as it is `down`. */
function overheard(transport: LogTransport) {
  const sent: string[] = [];
  const state = { isDown: false };
  const listening: LogTransport = async (request) => {
    const { method, path, headers, body } = request;
    sent.push(`${method} ${path} ${JSON.stringify(headers)}\n${Buffer.from(body ?? []).toString('utf8')}`);
    if (state.isDown && method === 'POST' && path.endsWith('/entries'))
      throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'told to be down' });
    return transport(request);
  };
  return { sent, state, transport: listening };
}

interface Door {
  readonly trust: LogTrust;
  readonly transport: LogTransport;
}

function portsOf(kind: 'embedded' | 'rekor-v1', { trust, transport }: Door) {
  const verifier = makeEvidenceVerifier({ keys: [signer.spki], identities: [], logs: [trust] });
  const { origin } = trust;
  const shared = { signer, verifier };
  if (kind === 'rekor-v1') {
    const client = makeRekorV1Client({ url: 'memory:log', trust, transport });
    const head = makeHeadTail({ head: client, origin, lifetime: signal });
    return {
      ...shared,
      writer: client,
      history: makeSearchHistory({ head, search: client, signer, verifier }),
    };
  }
  const read = { transport, prefix: '/api/v2' };
  const client = makeRekorV2Client({ url: 'memory:log', trust, write: transport, read });
  const tail = makeTail({ reader: client, verifier, logger: silentLogger, origin, lifetime: signal });
  return { ...shared, writer: client, history: makeTileHistory({ tail, reader: client, verifier }) };
}

/** A first sight whose log is down at first, an accepted move, a restore and a refusal, each by a new process. */
async function live(
  processOf: (store: ReturnType<typeof makeMemoryStore>) => ReadyLedger,
  state: { isDown: boolean },
) {
  const request = { reference, origin: 'cli', waitFor: 'logged' } as const;
  const store = makeMemoryStore();
  state.isDown = true;
  const first = await processOf(store).ledger.record({ ...request, digest: digestOfA }, signal);
  expect(first.kind).toBe('pending');
  state.isDown = false;
  await processOf(store).publisher.publish(reference);
  const moved = await processOf(store).ledger.advance(
    { ...request, digest: digestOfB, from: 0, approval },
    signal,
  );
  expect(moved.kind).toBe('recorded');
  const lost = makeMemoryStore();
  await expect(processOf(lost).ledger.record({ ...request, digest: digestOfA }, signal)).rejects.toThrow(
    'before',
  );
  expect(await processOf(lost).restorer.restore(reference, digestOfB, signal)).toMatchObject({
    kind: 'restored',
  });
}

async function startLog(kind: 'embedded' | 'rekor-v1') {
  if (kind === 'rekor-v1') {
    const log = await startLyingLog({ kind, now: () => 1_790_000_000 });
    const transport = makeUndiciTransport({ baseUrl: log.url, dispatcher: log.dispatcher });
    return { trust: log.trust, transport, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
  }
  const running = await startEmbeddedLog();
  const { trust, transport } = running.log;
  return { trust, transport, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

describe.each(['embedded', 'rekor-v1'] as const)('a private name, recorded in a log of kind %s', (kind) => {
  async function sentWith(privacy: 'auto' | 'plain'): Promise<readonly string[]> {
    await using log = await startLog(kind);
    const { sent, state, transport } = overheard(log.transport);
    const processOf = (store: ReturnType<typeof makeMemoryStore>) =>
      wireLedger({ store, privacy, ...portsOf(kind, { trust: log.trust, transport }) });
    await live(processOf, state);
    return sent;
  }

  it('is in no byte that reaches the log, nor is anything that a guess of it could be compared with', async () => {
    const sent = await sentWith('auto');
    expect(sent.filter((each) => each.startsWith('POST')).length).toBeGreaterThan(4);
    expect(found(sent)).toEqual([]);
  });

  it('would be seen by this test, if it were there', async () => {
    const sent = await sentWith('plain');
    const claim = claimStatement({ scope: 'default', claimId: plainClaimId('default', reference.canonical) });
    const hash = createHash('sha256').update(claim).digest();
    const told = kind === 'rekor-v1' ? hash.toString('hex') : hash.toString('base64');
    expect(found(sent)).toContain(told.toLowerCase());
    expect(found([`GET /x?name=${encodeURIComponent(reference.canonical)}`])).toContain(reference.canonical);
    expect(found([Buffer.from(JSON.stringify({ a: btoa(approval.reason) })).toString('base64')])).toContain(
      approval.reason.toLowerCase(),
    );
  });
});
