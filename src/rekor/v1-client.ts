import { setTimeout as delay } from 'node:timers/promises';
import { quote } from '../errors/quote.ts';
import type { LogHead, LogSearch, LogWriter, Submitted } from '../protocol/ports.ts';
import { assembleBundle } from './bundle.ts';
import { entryLeafHash, entryParts, requestV1 } from './entry.ts';
import { entryInvalid, readJson, unavailable, unexpectedAnswer } from './log-answer.ts';
import type { LogEntry } from './log-entry.ts';
import { aborted, type LogResponse, type LogTransport } from './transport.ts';
import type { LogTrust } from './trusted-root.ts';
import { parseEntry, UUID } from './v1-answers.ts';
import { readHeadV1 } from './v1-head.ts';
import { makeCandidateSearch } from './v1-search.ts';

const ENTRIES_PATH = '/api/v1/log/entries';
const MAX_ANSWER_BYTES = 262_144;
const MAX_SKEW_SECONDS = 300;
const MS_PER_SECOND = 1_000;
/** Seen too where two write the same entry at once: then nothing is wrong with the other (Rekor 1.5.4 on MariaDB). */
const FAILED = 500;
const WRITE_WAITS_MS = [200, 600];
/** Together far more than the log needs to put what is queued into its tree (Trillian's signer: every 100 ms). */
const QUEUED_WAITS_MS = [50, 100, 200, 400, 800, ...Array.from({ length: 8 }, () => 1_000)];

export interface RekorV1Options {
  readonly url: string;
  readonly trust: LogTrust;
  readonly transport: LogTransport;
  /** Watches the times that the log gives to new entries: for an alarm, since no clock but the log's decides anything. */
  readonly watchTime?: {
    /** Milliseconds since the epoch. */
    readonly now: () => number;
    /** Told of a time that is off by minutes: positive when the log is ahead. Seconds. */
    readonly onSkew: (seconds: number) => void;
  };
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Writes to a Rekor v1 (rekor, openapi.yaml), searches it, and knows its size. */
export function makeRekorV1Client(options: RekorV1Options): LogWriter & LogHead & LogSearch {
  const { url, trust, transport, watchTime } = options;
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const writing = `write to log ${quote(url)}`;

  async function post(path: string, content: unknown, signal: AbortSignal): Promise<LogResponse> {
    const body = Buffer.from(JSON.stringify(content), 'utf8');
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return transport({ method: 'POST', path, headers, body, maxBytes: MAX_ANSWER_BYTES, signal });
  }

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, signal).catch((cause: unknown) => {
      throw signal.aborted ? aborted(signal, `waiting for log ${quote(url)}`) : cause;
    });
  }

  /** The same bytes again make no second entry, so that a write that failed can be repeated. */
  async function write(content: unknown, signal: AbortSignal): Promise<LogResponse> {
    for (const waitMs of WRITE_WAITS_MS) {
      const answer = await post(ENTRIES_PATH, content, signal);
      if (answer.status !== FAILED) return answer;
      await pause(waitMs, signal);
    }
    return post(ENTRIES_PATH, content, signal);
  }

  /** An entry that somebody else has just written is refused as known before it is in the tree and can be read. */
  async function existing(answer: LogResponse, signal: AbortSignal): Promise<LogEntry> {
    const uuid = UUID.exec(answer.headers['location'] ?? '')?.[0];
    if (uuid === undefined) throw entryInvalid(writing, 'it has the entry already and does not say where');
    const path = `${ENTRIES_PATH}/${uuid}`;
    for (const waitMs of QUEUED_WAITS_MS) {
      const found = await transport({ method: 'GET', path, maxBytes: MAX_ANSWER_BYTES, signal });
      if (found.status === 200) return readJson(writing, found, parseEntry);
      if (!isNone(found)) throw unexpectedAnswer(`read entry ${uuid} of log ${quote(url)}`, found);
      await pause(waitMs, signal);
    }
    throw unavailable(
      `cannot prove entry ${uuid} of log ${quote(url)}: the log has it already and does not show it yet; try again later`,
    );
  }

  function watchOver({ integratedTime }: LogEntry): void {
    if (watchTime === undefined) return;
    const seconds = integratedTime - Math.round(watchTime.now() / MS_PER_SECOND);
    if (Math.abs(seconds) > MAX_SKEW_SECONDS) watchTime.onSkew(seconds);
  }

  return {
    identity: { kind: trust.kind, url, origin: trust.origin },
    async held(signed, signal) {
      // an entry is found by its leaf hash alone, whatever shard it is in
      const path = `${ENTRIES_PATH}/${entryLeafHash(trust.kind, signed)}`;
      const found = await transport({ method: 'GET', path, maxBytes: MAX_ANSWER_BYTES, signal });
      if (isNone(found)) return undefined;
      if (found.status !== 200) throw unexpectedAnswer(`find an entry of log ${quote(url)}`, found);
      return assembleBundle(signed, readJson(`find an entry of log ${quote(url)}`, found, parseEntry));
    },
    candidates: makeCandidateSearch({ url, transport }),
    async treeSize(signal) {
      const { checkpoint, offset } = await readHeadV1({ url, trust, transport }, signal);
      // the index of an entry counts over all shards; the checkpoint is that of the active one
      return offset + checkpoint.treeSize;
    },
    async submit(signed, signal): Promise<Submitted> {
      const answer = await write(requestV1(entryParts(signed)), signal);
      if (answer.status === 201) {
        const entry = readJson(writing, answer, parseEntry);
        // an entry that it had before may be as old as it likes
        watchOver(entry);
        return { outcome: 'created', bundle: assembleBundle(signed, entry) };
      }
      if (answer.status !== 409) throw unexpectedAnswer(writing, answer);
      return { outcome: 'exists', bundle: assembleBundle(signed, await existing(answer, signal)) };
    },
  };
}

/** Rekor says so without a word (openapi.yaml, NotFound); a 404 with words is from whatever stands before it. */
function isNone({ status, body }: LogResponse): boolean {
  return status === 404 && body.length === 0;
}
