import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors/app-error.ts';
import { plainClaimId } from '../../src/ledger/claim-id.ts';
import { bindingStatement, claimStatement } from '../../src/ledger/statement.ts';
import { makeHeadTail } from '../../src/protocol/head-tail.ts';
import type { RecordStore, StatementSigner } from '../../src/protocol/ports.ts';
import { makeSearchHistory } from '../../src/protocol/search-history.ts';
import { makeTail } from '../../src/protocol/tail.ts';
import { makeTileHistory } from '../../src/protocol/tile-history.ts';
import { parseDigest } from '../../src/reference/parse-digest.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV1Client } from '../../src/rekor/v1-client.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../../src/rekor/verify-bundle.ts';
import { ISSUER, NOW, SAN } from '../support/fake-ca.ts';
import { startKeylessServices } from '../support/keyless-services.ts';
import { makeTestSigner, silentLogger, wireLedger, type ReadyLedger } from '../support/ledger-setup.ts';
import { startLyingLog } from '../support/lying-log.ts';
import { makeMemoryStore } from '../support/memory-store.ts';
import { foundIn } from '../support/readable.ts';
import { startEmbeddedLog } from '../support/test-log.ts';
import { tagReference } from '../support/test-registry.ts';
import { codeOf } from '../support/throw-with-code.ts';

const { signal } = new AbortController();
const HOST = 'registry.example.com';
const REPOSITORY = 'secret-team/hidden-project';
const TAG = 'launch-of-march';
const SCOPE = 'back-room-3';
const reference = tagReference(`${HOST}/${REPOSITORY}:${TAG}`);
const approval = { by: 'Jürgen Geheim', reason: 'CVE-2026-1234 in hidden-project' };
const digestOf = (text: string) => parseDigest(`sha256:${sha256(text).toString('hex')}`);
const first = digestOf('first');
const accepted = digestOf('accepted');
const tracked = digestOf('tracked');
const other = digestOf('other');
const NAMES = [
  HOST,
  REPOSITORY,
  'secret-team',
  'hidden-project',
  TAG,
  reference.canonical,
  SCOPE,
  approval.by,
  approval.reason,
];
/** What is hashed where names are plain: whoever guesses the names can write these down. */
const said = { scope: SCOPE, claimId: plainClaimId(SCOPE, reference.canonical) };
const plainClaims = [0, 1, 2, 3].map((generation) => claimStatement({ ...said, generation }));
const plainBindings = [first, accepted, tracked, other].flatMap((digest) =>
  [0, 1, 2, 3].map((generation) =>
    bindingStatement({ ...said, reference: reference.canonical, digest, generation }),
  ),
);
const GUESSES = [...plainClaims, ...plainBindings, `tagseal/claim/v1\n${SCOPE}\n${reference.canonical}`];

/** What nobody may read, nor confirm a guess of; under names for people. */
const FORBIDDEN: ReadonlyMap<string, Uint8Array> = new Map([
  ...NAMES.map((name) => [name, Buffer.from(name, 'utf8')] as const),
  ...[...NAMES, ...GUESSES].map((text) => [`sha256 of ${text}`, sha256(text)] as const),
  ...[first, accepted, tracked, other].map(
    (digest) => [digest, Buffer.from(digest.slice('sha256:'.length), 'hex')] as const,
  ),
]);

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** What of the forbidden can be read in what was sent. */
function found(sent: readonly Uint8Array[]): readonly string[] {
  const words = new Set(foundIn(sent, [...FORBIDDEN.values()]));
  return [...FORBIDDEN].flatMap(([name, word]) => (words.has(word) ? [name] : []));
}

/** Every byte that goes to the log, and none that it would keep for as long as it is `down`. */
function overheard(transport: LogTransport) {
  const sent: Uint8Array[] = [];
  const state = { isDown: false };
  const listening: LogTransport = async (request) => {
    const { method, path, headers, body } = request;
    const head = Buffer.from(`${method} ${path}\n${JSON.stringify(headers)}\n\n`, 'utf8');
    sent.push(Buffer.concat([head, body ?? Buffer.alloc(0)]));
    if (state.isDown && method === 'POST' && path.endsWith('/entries'))
      throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'told to be down' });
    return transport(request);
  };
  return { sent, state, transport: listening };
}

type LogKind = 'embedded' | 'rekor-v1';
type SignerKind = 'key' | 'keyless';
type Setting = 'auto' | 'blinded' | 'plain';

interface Door {
  readonly trust: LogTrust;
  readonly transport: LogTransport;
}

interface Author {
  readonly signer: StatementSigner;
  readonly trust: Omit<EvidenceTrust, 'logs'>;
  /** What reached those who help it to sign. */
  readonly sent: readonly Uint8Array[];
}

function portsOf(kind: LogKind, { trust, transport }: Door, { signer, trust: trusted }: Author) {
  const verifier = makeEvidenceVerifier({ ...trusted, logs: [trust] });
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

/** All that can happen to a tag, each by a new process, so that nobody remembers anything. */
async function live(processOf: (store: RecordStore) => ReadyLedger, state: { isDown: boolean }) {
  const request = { reference, origin: 'cli', waitFor: 'logged' } as const;
  const store = makeMemoryStore();
  state.isDown = true;
  expect((await processOf(store).ledger.record({ ...request, digest: first }, signal)).kind).toBe('pending');
  state.isDown = false;
  await processOf(store).publisher.publish(reference);
  const move = { ...request, digest: accepted, from: 0, approval };
  expect((await processOf(store).ledger.advance(move, signal)).kind).toBe('recorded');
  const follow = { ...request, digest: tracked, from: 1 };
  expect((await processOf(store).ledger.advance(follow, signal)).kind).toBe('recorded');
  const lost = makeMemoryStore();
  const again = () => processOf(lost).ledger.record({ ...request, digest: other }, signal);
  expect(await codeOf(again)).toBe('RECORD_LOST');
  const restored = await processOf(lost).restorer.restore(reference, tracked, signal);
  expect(restored).toMatchObject({ kind: 'restored', found: { record: { generation: 2 } } });
  expect(await processOf(lost).ledger.find(reference, signal)).toMatchObject({ logged: true });
}

async function startLog(kind: LogKind) {
  if (kind === 'rekor-v1') {
    const log = await startLyingLog({ kind, now: () => NOW / 1_000 });
    const transport = makeUndiciTransport({ baseUrl: log.url, dispatcher: log.dispatcher });
    return { trust: log.trust, transport, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
  }
  const running = await startEmbeddedLog();
  const { trust, transport } = running.log;
  return { trust, transport, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

async function startAuthor(kind: SignerKind): Promise<Author & AsyncDisposable> {
  if (kind === 'key') {
    const signer = makeTestSigner();
    const trust = { keys: [signer.spki], identities: [] };
    return { signer, trust, sent: [], [Symbol.asyncDispose]: async () => undefined };
  }
  const services = await startKeylessServices();
  const { signer, sent, sigstore } = services;
  const trust = { keys: [], identities: [{ san: SAN, issuer: ISSUER }], sigstore: sigstore.trust };
  return { signer, sent, trust, [Symbol.asyncDispose]: () => services[Symbol.asyncDispose]() };
}

/** What reached the log, and what reached those who help to sign, in the life of a tag. */
async function sentIn(kind: LogKind, signerKind: SignerKind, privacy: Setting) {
  await using log = await startLog(kind);
  await using author = await startAuthor(signerKind);
  const { sent, state, transport } = overheard(log.transport);
  const processOf = (store: RecordStore) =>
    wireLedger({ store, privacy, scope: SCOPE, ...portsOf(kind, { trust: log.trust, transport }, author) });
  await live(processOf, state);
  return { toLog: sent, toOthers: author.sent };
}

const CELLS = (['embedded', 'rekor-v1'] as const).flatMap((log) =>
  (['key', 'keyless'] as const).map((signer) => ({ log, signer })),
);

describe.each(CELLS)('a private name, signed for by $signer, in a log of kind $log', ({ log, signer }) => {
  it('is in no byte that leaves, nor is anything that a guess of it could be compared with', async () => {
    for (const privacy of ['auto', 'blinded'] as const) {
      const { toLog, toOthers } = await sentIn(log, signer, privacy);
      const writes = toLog.filter((each) => Buffer.from(each).toString('latin1').startsWith('POST'));
      expect(writes.length).toBeGreaterThan(6);
      // of Fulcio at least one, of the timestamp authority one a signature
      expect(toOthers.length).toBeGreaterThan(signer === 'keyless' ? 6 : -1);
      expect({ privacy, found: found([...toLog, ...toOthers]) }).toEqual({ privacy, found: [] });
    }
  });

  it('would be seen by this test, if it were there: plain names are', async () => {
    const { toLog, toOthers } = await sentIn(log, signer, 'plain');
    const logged = [
      ...plainClaims.slice(0, 3),
      ...[first, accepted, tracked].map((digest, generation) =>
        bindingStatement({ ...said, reference: reference.canonical, digest, generation }),
      ),
    ];
    expect(found(toLog)).toEqual(expect.arrayContaining(logged.map((text) => `sha256 of ${text}`)));
    // whoever helps to sign gets the subject of the token and hashes of signatures, whatever the privacy
    expect(found(toOthers)).toEqual([]);
  });
});

describe('the search for what nobody may read', () => {
  const word = sha256(reference.canonical);
  const json = (text: string) => Buffer.from(JSON.stringify({ a: text }));

  it.each<readonly [string, Uint8Array]>([
    ['raw', Buffer.concat([Buffer.of(0, 0xff), word, Buffer.of(0x80)])],
    ['hex', json(`sha256:${word.toString('hex')}`)],
    ['HEX', json(word.toString('hex').toUpperCase())],
    ['base64', json(word.toString('base64'))],
    ['base64url', Buffer.from(`GET /api/v1/log/entries/${word.toString('base64url')}`)],
    ['raw in base64', json(Buffer.concat([Buffer.of(1), word, Buffer.of(2)]).toString('base64'))],
    ['hex in base64', json(json(word.toString('hex')).toString('base64'))],
    ['base64 in hex', json(Buffer.from(word.toString('base64')).toString('hex'))],
    [
      'raw in base64 in base64',
      json(json(Buffer.concat([Buffer.of(1), word]).toString('base64')).toString('base64')),
    ],
  ])('finds a hash as %s', (_, sent) => {
    expect(found([sent])).toContain(`sha256 of ${reference.canonical}`);
  });

  it.each<readonly [string, Uint8Array]>([
    ['raw', Buffer.from(`agent: ${approval.by}`, 'utf8')],
    ['in a path', Buffer.from(`GET /x?by=${encodeURIComponent(approval.by)}`)],
    [
      'in base64 in JSON in base64',
      json(json(Buffer.from(`by ${approval.by}`).toString('base64')).toString('base64')),
    ],
    ['in hex', json(Buffer.from(approval.by).toString('hex').padStart(40, '0'))],
  ])('finds a name %s', (_, sent) => {
    expect(found([sent])).toContain(approval.by);
  });

  it('finds nothing in what has nothing to do with it', () => {
    expect(found([json('0'.repeat(200)), Buffer.alloc(100)])).toEqual([]);
  });
});
