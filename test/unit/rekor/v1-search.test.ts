import { describe, expect, it } from '@jest/globals';
import type { LogRequest, LogResponse, LogTransport } from '../../../src/rekor/transport.ts';
import { makeCandidateSearch } from '../../../src/rekor/v1-search.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const STATEMENT = 'ab'.repeat(32);
const TREE = '00000000499602d2';
const hashOf = (number: number) => number.toString(16).padStart(64, '0');
const nameOf = (number: number) => `${TREE}${hashOf(number)}`;

const json = (status: number, value: unknown): LogResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(value)),
});

/** As a Rekor 1.5.4 answers it; the number of an entry is its place. */
const entry = (number: number, body = `entry ${number}`) => ({
  [nameOf(number)]: {
    body: Buffer.from(body).toString('base64'),
    integratedTime: 1,
    logID: 'ab',
    logIndex: number,
    verification: {},
  },
});

/** An index that names `named`, and a log that answers what is asked of it by `retrieve`; too long is cut as HTTP does. */
function setUp(
  named: LogResponse | readonly string[],
  retrieve: (uuids: readonly string[]) => unknown = (uuids) =>
    uuids.map((uuid) => entry(Number.parseInt(uuid.slice(-64), 16))),
) {
  const asked: (readonly string[])[] = [];
  const answer = ({ path, body = Buffer.alloc(0) }: LogRequest): LogResponse => {
    const query: unknown = JSON.parse(Buffer.from(body).toString());
    if (path === '/api/v1/index/retrieve') {
      expect(query).toEqual({ hash: `sha256:${STATEMENT}` });
      return 'status' in named ? named : json(200, named);
    }
    expect(path).toBe('/api/v1/log/entries/retrieve');
    const { entryUUIDs } = query as { readonly entryUUIDs: readonly string[] };
    asked.push(entryUUIDs);
    const said = retrieve(entryUUIDs);
    return typeof said === 'object' && said !== null && 'status' in said
      ? (said as LogResponse)
      : json(200, said);
  };
  const transport: LogTransport = async (request) => {
    const said = answer(request);
    if (said.body.length <= request.maxBytes) return said;
    expect(request.mayBeCut).toBe(true);
    return { ...said, body: new Uint8Array(), isCut: true };
  };
  const candidates = makeCandidateSearch({ url: 'https://log.test', transport });
  async function found(): Promise<readonly (readonly [number, string])[]> {
    const all: (readonly [number, string])[] = [];
    for await (const some of candidates(STATEMENT, NEVER))
      all.push(...some.map(({ index, body }) => [index, Buffer.from(body).toString()] as const));
    return all;
  }
  return { asked, found, candidates };
}

const names = (count: number) => Array.from({ length: count }, (_, i) => nameOf(i));

describe('makeCandidateSearch', () => {
  it('finds what the index names, of whatever type, and skips what the log does not have', async () => {
    const { found } = setUp(names(3), () => [entry(1)]);
    expect(await found()).toEqual([[1, 'entry 1']]);
    const empty = setUp([]);
    expect([await empty.found(), empty.asked]).toEqual([[], []]);
  });

  it('takes names with and without a tree, and each once', async () => {
    const { found, asked } = setUp([nameOf(7), hashOf(8), nameOf(7)]);
    expect([await found(), asked]).toEqual([
      [
        [7, 'entry 7'],
        [8, 'entry 8'],
      ],
      [[nameOf(7), hashOf(8)]],
    ]);
  });

  it.each([
    [1, 1],
    [10, 1],
    [11, 2],
    [250, 25],
    [3_000, 300],
  ])('asks for %d entries in %d calls', async (count, calls) => {
    const { found, asked } = setUp(names(count));
    expect((await found()).length).toBe(count);
    expect([asked.length, Math.max(...asked.map((uuids) => uuids.length)) <= 10]).toEqual([calls, true]);
  });

  it('asks for no more once the asker has what it needs', async () => {
    const { candidates, asked } = setUp(names(3_000));
    for await (const some of candidates(STATEMENT, NEVER)) {
      expect(some.length).toBe(40);
      break;
    }
    expect(asked.length).toBe(4);
  });

  it('passes over entries that are longer than any of ours, and finds those beside them', async () => {
    const long = 'x'.repeat(200_000);
    const longer = 'x'.repeat(2_500_000);
    const { found, asked } = setUp(names(10), (uuids) =>
      uuids.map((uuid) => {
        const number = Number.parseInt(uuid.slice(-64), 16);
        return entry(number, [long, longer][number]);
      }),
    );
    expect((await found()).map(([index]) => index)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(asked.map((uuids) => uuids.length)).toEqual([10, ...Array.from({ length: 10 }, () => 1)]);
  });

  const broken = { status: 200, headers: {}, body: Buffer.from('<html>') };
  it.each<[string, string, ReturnType<typeof setUp>]>([
    ['an outage of the index', 'LOG_UNAVAILABLE', setUp(json(503, {}))],
    ['a refusal of the index', 'LOG_ENTRY_INVALID', setUp(json(404, {}))],
    ['a page of HTML', 'LOG_ENTRY_INVALID', setUp(broken)],
    ['what is no list of names', 'LOG_ENTRY_INVALID', setUp(json(200, { uuids: [] }))],
    ['what is no UUID', 'LOG_ENTRY_INVALID', setUp(['../../secrets'])],
    ['more entries than can be looked through', 'LOG_CROWDED', setUp(names(3_001))],
    ['more names than can be read', 'LOG_CROWDED', setUp(names(60_000))],
    ['an error that is too long to be read', 'LOG_UNAVAILABLE', setUp(json(500, 'x'.repeat(5_000_000)))],
    ['entries that fail', 'LOG_UNAVAILABLE', setUp(names(2), () => json(500, {}))],
    ['entries that nobody may read', 'LOG_ENTRY_INVALID', setUp(names(2), () => json(404, {}))],
    ['entries in HTML', 'LOG_ENTRY_INVALID', setUp(names(2), () => broken)],
    ['an entry without a place', 'LOG_ENTRY_INVALID', setUp(names(1), () => [{ [nameOf(0)]: { body: '' } }])],
    ['an entry that was not asked for', 'LOG_ENTRY_INVALID', setUp(names(1), () => [entry(5)])],
    ['two entries for one', 'LOG_ENTRY_INVALID', setUp(names(2), () => [{ ...entry(0), ...entry(1) }])],
    [
      'more entries than were asked for',
      'LOG_ENTRY_INVALID',
      setUp(names(1), () => Array.from({ length: 11 }, () => entry(0))),
    ],
  ])('never takes %s for "none"', async (_what, code, { found }) => {
    expect(await codeOf(found)).toBe(code);
  });
});
