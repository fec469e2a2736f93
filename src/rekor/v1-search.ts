import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { LogSearch } from '../protocol/ports.ts';
import { readJson, unexpectedAnswer } from './log-answer.ts';
import { MAX_BODY_LENGTH } from './log-entry.ts';
import type { LogResponse, LogTransport } from './transport.ts';
import { MAX_QUERIES, parseNamed, parseRetrieved, type RetrievedEntry } from './v1-answers.ts';

const INDEX_PATH = '/api/v1/index/retrieve';
const RETRIEVE_PATH = '/api/v1/log/entries/retrieve';
/** Some 50,000 names. */
const MAX_INDEX_BYTES = 4_194_304;
/** Entry, proof and time of ours take some 10 kB; an entry of anybody's can be of 5 MB (Rekor 1.5.4). */
const MAX_ENTRY_BYTES = 262_144;
const MAX_AT_ONCE = 4;
/** More than any one ledger makes over a statement; looked through at 10 a call, below what a minute allows. */
const MAX_CANDIDATES = 3_000;

type Candidates = LogSearch['candidates'];

/**
 * What the index of a Rekor v1 names over a statement (rekor, openapi.yaml: searchIndex, searchLogQuery), 40 entries at a
 * time in the order of the index: who has found what decides asks for no more. Throws as LogSearch.
 */
export function makeCandidateSearch({
  url,
  transport,
}: {
  readonly url: string;
  readonly transport: LogTransport;
}): Candidates {
  const searching = `search the index of log ${quote(url)}`;
  const reading = `read entries of log ${quote(url)}`;

  async function post(
    path: string,
    content: unknown,
    limit: Pick<Parameters<LogTransport>[0], 'maxBytes' | 'mayBeCut' | 'signal'>,
  ): Promise<LogResponse> {
    const body = Buffer.from(JSON.stringify(content), 'utf8');
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return transport({ method: 'POST', path, headers, body, ...limit });
  }

  async function named(statementDigest: string, signal: AbortSignal): Promise<readonly string[]> {
    const asked = { hash: `sha256:${statementDigest}` };
    const answer = await post(INDEX_PATH, asked, { maxBytes: MAX_INDEX_BYTES, mayBeCut: true, signal });
    if (answer.status !== 200) throw unexpectedAnswer(searching, answer);
    if (answer.isCut === true) throw crowded(url, statementDigest);
    const uuids = readJson(searching, answer, (json) => parseNamed(json, MAX_CANDIDATES));
    if (uuids === 'tooMany') throw crowded(url, statementDigest);
    return uuids;
  }

  /** The log leaves out what it does not have: the index may be wrong. */
  async function retrieved(
    entryUUIDs: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly RetrievedEntry[]> {
    const maxBytes = entryUUIDs.length * MAX_ENTRY_BYTES;
    const answer = await post(RETRIEVE_PATH, { entryUUIDs }, { maxBytes, mayBeCut: true, signal });
    if (answer.status !== 200) throw unexpectedAnswer(reading, answer);
    if (answer.isCut === true) return oneByOne(entryUUIDs, signal);
    return readJson(reading, answer, (json) => parseRetrieved(json, entryUUIDs));
  }

  /** One that is too long even alone is longer than any of ours. */
  async function oneByOne(uuids: readonly string[], signal: AbortSignal): Promise<readonly RetrievedEntry[]> {
    if (uuids.length === 1) return [];
    const found: RetrievedEntry[] = [];
    for (const uuid of uuids) found.push(...(await retrieved([uuid], signal)));
    return found;
  }

  return async function* candidates(statementDigest, signal) {
    const batches = chunks(await named(statementDigest, signal), MAX_QUERIES);
    for (const together of chunks(batches, MAX_AT_ONCE)) {
      const found = await Promise.all(together.map((uuids) => retrieved(uuids, signal)));
      yield found
        .flat()
        .filter(({ body }) => body.length <= MAX_BODY_LENGTH)
        .map(({ logIndex, body }) => ({ index: logIndex, body: Buffer.from(body, 'base64') }));
    }
  };
}

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

function crowded(url: string, statementDigest: string): AppError {
  return new AppError({
    code: 'LOG_CROWDED',
    message:
      `cannot find out whether log ${quote(url)} has an entry of ours over sha256:${statementDigest}: its index names more ` +
      `than ${MAX_CANDIDATES} over the same; sign with one key alone, or set log.follow where the log is your own, and give ` +
      'each new deployment a scope of its own',
  });
}
