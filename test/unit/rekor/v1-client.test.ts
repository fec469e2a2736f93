import { describe, expect, it } from '@jest/globals';
import type { SignedStatement } from '../../../src/ledger/evidence.ts';
import { canonicalJson } from '../../../src/rekor/canonical-json.ts';
import { entryBody, entryParts } from '../../../src/rekor/entry.ts';
import type { LogResponse, LogTransport } from '../../../src/rekor/transport.ts';
import { makeRekorV1Client } from '../../../src/rekor/v1-client.ts';
import { makeEvidenceVerifier } from '../../../src/rekor/verify-bundle.ts';
import { makePaperLog } from '../../support/sample-evidence.ts';
import { makeTestSigner, NEVER, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const log = makePaperLog('rekor-v1');
const verifier = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [log.trust] });
const signed = await signedStatement();
const uuid = `00000000499602d2${verifier.leafHash(signed)}`;

const clientOf = (transport: LogTransport) =>
  makeRekorV1Client({ url: 'https://log.test', trust: log.trust, transport });
const none: LogResponse = { status: 404, headers: {}, body: Buffer.alloc(0) };
const json = (status: number, value: unknown, headers = {}): LogResponse => ({
  status,
  headers,
  body: Buffer.from(JSON.stringify(value)),
});

describe('makeRekorV1Client', () => {
  it('turns a new entry into a bundle that verifies', async () => {
    let sent: unknown;
    const client = clientOf(async ({ method, path, body = Buffer.alloc(0) }) => {
      sent = [method, path, Buffer.from(body).toString()];
      return json(201, { [uuid]: entryOf(signed) });
    });
    const { outcome, bundle } = await client.submit(signed, NEVER);
    expect([outcome, (await verifier.verify({ ...signed, bundle })).uuid]).toEqual(['created', uuid]);
    const request = canonicalJson(
      JSON.parse(Buffer.from(entryBody('rekor-v1', entryParts(signed))).toString()),
    );
    expect(sent).toEqual(['POST', '/api/v1/log/entries', request]);
  });

  it.each([`/api/v1/log/entries/${uuid}`, `https://log.test/api/v1/log/entries/${uuid}`])(
    'fetches the existing entry that a conflict names at %s',
    async (location) => {
      const client = clientOf(async ({ method, path }) => {
        if (method === 'POST') return json(409, { code: 409 }, { location });
        expect(path).toBe(`/api/v1/log/entries/${uuid}`);
        return json(200, { [uuid]: entryOf(signed) });
      });
      const { outcome, bundle } = await client.submit(signed, NEVER);
      expect([outcome, await codeOf(() => verifier.verify({ ...signed, bundle }))]).toEqual([
        'exists',
        undefined,
      ]);
    },
  );

  /** Answers in turn, the last one for ever; each pause is remembered and not made. */
  function inTurn(posts: readonly LogResponse[], gets: readonly LogResponse[]) {
    const asked = { POST: 0, GET: 0 };
    const pauses: number[] = [];
    const client = makeRekorV1Client({
      url: 'https://log.test',
      trust: log.trust,
      transport: async ({ method }) => {
        const answers = method === 'POST' ? posts : gets;
        return answers[Math.min(asked[method]++, answers.length - 1)] ?? none;
      },
      sleep: async (ms) => void pauses.push(ms),
    });
    return { client, asked, pauses };
  }
  const conflict = json(409, { code: 409 }, { location: `/api/v1/log/entries/${uuid}` });
  const failed = json(500, { code: 500, message: 'unexpected result from transparency log' });
  const shown = json(200, { [uuid]: entryOf(signed) });

  it('waits for an existing entry that is not in the tree yet', async () => {
    const { client, pauses } = inTurn([conflict], [none, none, shown]);
    expect((await client.submit(signed, NEVER)).outcome).toBe('exists');
    expect(pauses).toEqual([50, 100]);
  });

  it('does not wait for ever for an existing entry', async () => {
    const { client, pauses } = inTurn([conflict], [none]);
    expect(await codeOf(() => client.submit(signed, NEVER))).toBe('LOG_UNAVAILABLE');
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(12_000);
  });

  it('writes once more when the log could not, as where two write the same entry at once', async () => {
    const { client, asked } = inTurn([failed, conflict], [shown]);
    expect((await client.submit(signed, NEVER)).outcome).toBe('exists');
    expect(asked).toEqual({ POST: 2, GET: 1 });
  });

  it('gives up on a log that fails each time', async () => {
    const { client, asked } = inTurn([failed], []);
    expect(await codeOf(() => client.submit(signed, NEVER))).toBe('LOG_UNAVAILABLE');
    expect(asked.POST).toBe(3);
  });

  it('looks up an entry by its leaf hash, in whatever shard it is', async () => {
    const path = `/api/v1/log/entries/${verifier.leafHash(signed)}`;
    const client = clientOf(async (request) =>
      request.path === path ? json(200, { [uuid]: entryOf(signed) }) : none,
    );
    const bundle = await client.held(signed, NEVER);
    expect(bundle && (await verifier.verify({ ...signed, bundle })).uuid).toBe(uuid);
    expect(await client.held(await signedStatement('another'), NEVER)).toBeUndefined();
  });

  it.each([
    ['a page', { status: 404, headers: {}, body: Buffer.from('<html>') }, 'LOG_ENTRY_INVALID'],
    ['a path that nobody knows', json(404, { code: 404 }), 'LOG_ENTRY_INVALID'],
    ['a call that is turned off', json(501, { code: 501 }), 'LOG_UNAVAILABLE'],
    ['no entry at all', json(200, {}), 'LOG_ENTRY_INVALID'],
  ])('never takes %s for an entry that the log does not hold', async (_what, answer, code) => {
    expect(await codeOf(() => clientOf(async () => answer).held(signed, NEVER))).toBe(code);
  });

  const signedTreeHead = log.note({ treeSize: 7, rootHash: Buffer.alloc(32, 1) });
  const info = { treeID: '1234567890', treeSize: 7, rootHash: '00', signedTreeHead, inactiveShards: null };
  it('counts the entries of all shards by the signed head of the active one', async () => {
    const shards = [{ treeSize: 100 }, { treeSize: 20 }];
    const client = clientOf(async () => json(200, { ...info, inactiveShards: shards }));
    expect(await client.treeSize(NEVER)).toBe(127);
    expect(await clientOf(async () => json(200, info)).treeSize(NEVER)).toBe(7);
  });

  it.each([['a size that the signed head does not say', { ...info, treeSize: 9, signedTreeHead }, 7]])(
    'believes the signed head and not %s',
    async (_what, answer, size) => {
      expect(await clientOf(async () => json(200, answer)).treeSize(NEVER)).toBe(size);
    },
  );

  it.each([
    ['of another tree', json(200, { ...info, treeID: '42' }), 'LOG_PROOF_INVALID'],
    ['signed by another log', json(200, { ...info, signedTreeHead: otherHead() }), 'LOG_PROOF_INVALID'],
    [
      'with a shard of negative size',
      json(200, { ...info, inactiveShards: [{ treeSize: -1 }] }),
      'LOG_ENTRY_INVALID',
    ],
    ['that is no JSON', { status: 200, headers: {}, body: Buffer.from('<html>') }, 'LOG_ENTRY_INVALID'],
    ['that it cannot give', json(503, {}), 'LOG_UNAVAILABLE'],
  ])('refuses a head %s', async (_what, answer, code) => {
    expect(await codeOf(() => clientOf(async () => answer).treeSize(NEVER))).toBe(code);
  });

  const entry = entryOf(signed);
  it.each([
    ['a server error', json(500, { message: 'no' }), 'LOG_UNAVAILABLE'],
    ['a refusal', json(400, { message: 'no' }), 'LOG_ENTRY_INVALID'],
    ['a conflict without a place', json(409, {}), 'LOG_ENTRY_INVALID'],
    ['a conflict with a foreign place', json(409, {}, { location: '/etc/passwd' }), 'LOG_ENTRY_INVALID'],
    ['no JSON', { status: 201, headers: {}, body: Buffer.from('<html>') }, 'LOG_ENTRY_INVALID'],
    ['no entry', json(201, {}), 'LOG_ENTRY_INVALID'],
    ['two entries', json(201, { [uuid]: entry, [`${uuid.slice(0, -1)}0`]: entry }), 'LOG_ENTRY_INVALID'],
    ['an entry without proof', json(201, { [uuid]: { ...entry, verification: {} } }), 'LOG_ENTRY_INVALID'],
    [
      'an entry with a negative index',
      json(201, { [uuid]: { ...entry, logIndex: -1 } }),
      'LOG_ENTRY_INVALID',
    ],
  ])('refuses %s', async (_, answer, code) => {
    expect(await codeOf(() => clientOf(async () => answer).submit(signed, NEVER))).toBe(code);
  });
});

/** The entry as Rekor v1 answers it. */
function entryOf(statement: SignedStatement) {
  const { logIndex, logId, integratedTime, signedEntryTimestamp, proof, body } = log.entry(
    entryBody('rekor-v1', entryParts(statement)),
  );
  const inclusionProof = {
    checkpoint: proof.checkpoint,
    hashes: proof.hashes.map(hex),
    logIndex: proof.index,
    rootHash: hex(proof.rootHash),
    treeSize: proof.treeSize,
  };
  return {
    body,
    integratedTime,
    logID: hex(logId),
    logIndex,
    verification: { inclusionProof, signedEntryTimestamp },
  };
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function otherHead(): string {
  return makePaperLog('rekor-v1').note({ treeSize: 7, rootHash: Buffer.alloc(32, 1) });
}
