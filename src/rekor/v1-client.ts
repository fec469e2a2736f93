import pLimit from 'p-limit';
import * as z from 'zod/mini';
import { quote } from '../errors/quote.ts';
import { verifyCheckpoint } from '../ledger/signed-note.ts';
import type { LogHead, LogSearch, LogWriter, Submitted } from '../protocol/ports.ts';
import { assembleBundle } from './bundle.ts';
import { entryLeafHash, entryParts, requestV1 } from './entry.ts';
import { entryInvalid, readJson, unexpectedAnswer } from './log-answer.ts';
import { parseLogEntry, type LogEntry } from './log-entry.ts';
import type { LogResponse, LogTransport } from './transport.ts';
import type { LogTrust } from './trusted-root.ts';

const LOG_PATH = '/api/v1/log';
const ENTRIES_PATH = `${LOG_PATH}/entries`;
const INDEX_PATH = '/api/v1/index/retrieve';
const MAX_AT_ONCE = 4;
const MAX_ANSWER_BYTES = 262_144;
const MAX_PROOF_HASHES = 64;
/** Tree ID (16 digits) and leaf hash (64), or the leaf hash alone. */
const UUID = /([0-9a-f]{16})?[0-9a-f]{64}$/;

const count = z.int().check(z.nonnegative());
const hex = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const entry = z.object({
  body: z.string(),
  integratedTime: count,
  logID: hex,
  logIndex: count,
  verification: z.object({
    signedEntryTimestamp: z.string(),
    inclusionProof: z.object({
      checkpoint: z.string(),
      hashes: z.array(hex).check(z.maxLength(MAX_PROOF_HASHES)),
      logIndex: count,
      rootHash: hex,
      treeSize: count,
    }),
  }),
});
/** More entries over one statement than this are somebody's attempt to be asked for many. */
const MAX_CANDIDATES = 200;
const uuids = z
  .array(z.string().check(z.regex(/^(?:[0-9a-f]{16})?[0-9a-f]{64}$/)))
  .check(z.maxLength(MAX_CANDIDATES));
const MAX_SHARDS = 100;
const shard = z.object({ treeSize: count });
const logInfo = z.object({
  treeID: z.string().check(z.regex(/^[0-9]{1,20}$/)),
  treeSize: count,
  signedTreeHead: z.string(),
  inactiveShards: z.nullish(z.array(shard).check(z.maxLength(MAX_SHARDS))),
});
/** One entry under its UUID. */
const entries = z.record(z.string().check(z.regex(UUID)), entry);
/** Of any type: strangers may log what they like over the digest of a statement. */
const foundEntries = z.record(
  z.string().check(z.regex(UUID)),
  z.object({ body: z.base64().check(z.maxLength(MAX_ANSWER_BYTES)), logIndex: count }),
);

export interface RekorV1Options {
  readonly url: string;
  readonly trust: LogTrust;
  readonly transport: LogTransport;
}

/** Writes to a Rekor v1 (rekor, openapi.yaml), searches it, and knows its size. */
export function makeRekorV1Client({
  url,
  trust,
  transport,
}: RekorV1Options): LogWriter & LogHead & LogSearch {
  const writing = `write to log ${quote(url)}`;
  const searching = `search the index of log ${quote(url)}`;

  async function post(path: string, content: unknown, signal: AbortSignal): Promise<LogResponse> {
    const body = Buffer.from(JSON.stringify(content), 'utf8');
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return transport({ method: 'POST', path, headers, body, maxBytes: MAX_ANSWER_BYTES, signal });
  }

  /** Undefined where the index names an entry that the log does not have: a hint may be wrong. */
  async function entryOf(uuid: string, signal: AbortSignal): Promise<FoundEntry | undefined> {
    const path = `${ENTRIES_PATH}/${uuid}`;
    const found = await transport({ method: 'GET', path, maxBytes: MAX_ANSWER_BYTES, signal });
    if (found.status === 404) return undefined;
    if (found.status !== 200) throw unexpectedAnswer(`read entry ${uuid} of log ${quote(url)}`, found);
    return readJson(searching, found, parseFound);
  }

  async function existing(answer: LogResponse, signal: AbortSignal): Promise<LogEntry> {
    const uuid = UUID.exec(answer.headers['location'] ?? '')?.[0];
    if (uuid === undefined) throw entryInvalid(writing, 'it has the entry already and does not say where');
    const found = await transport({
      method: 'GET',
      path: `${ENTRIES_PATH}/${uuid}`,
      maxBytes: MAX_ANSWER_BYTES,
      signal,
    });
    if (found.status !== 200) throw unexpectedAnswer(`read entry ${uuid} of log ${quote(url)}`, found);
    return readJson(writing, found, parseEntries);
  }

  return {
    identity: { kind: trust.kind, url, origin: trust.origin },
    async held(signed, signal) {
      // an entry is found by its leaf hash alone, whatever shard it is in
      const path = `${ENTRIES_PATH}/${entryLeafHash(trust.kind, signed)}`;
      const found = await transport({ method: 'GET', path, maxBytes: MAX_ANSWER_BYTES, signal });
      if (found.status === 404) return undefined;
      if (found.status !== 200) throw unexpectedAnswer(`find an entry of log ${quote(url)}`, found);
      return assembleBundle(signed, readJson(`find an entry of log ${quote(url)}`, found, parseEntries));
    },
    async candidates(statementDigest, signal) {
      const answer = await post(INDEX_PATH, { hash: `sha256:${statementDigest}` }, signal);
      if (answer.status !== 200) throw unexpectedAnswer(searching, answer);
      const named = readJson(searching, answer, (json) => z.parse(uuids, json));
      const limit = pLimit(MAX_AT_ONCE);
      const found = await Promise.all(named.map((uuid) => limit(() => entryOf(uuid, signal))));
      return found.flatMap((each) =>
        each === undefined ? [] : [{ index: each.logIndex, body: Buffer.from(each.body, 'base64') }],
      );
    },
    async treeSize(signal) {
      const reading = `read the head of log ${quote(url)}`;
      const answer = await transport({ method: 'GET', path: LOG_PATH, maxBytes: MAX_ANSWER_BYTES, signal });
      if (answer.status !== 200) throw unexpectedAnswer(reading, answer);
      const info = readJson(reading, answer, (json) => z.parse(logInfo, json));
      const { treeSize } = verifyCheckpoint(info.signedTreeHead, {
        origin: `${trust.origin} - ${info.treeID}`,
        keyName: trust.origin,
        spki: Buffer.from(trust.spki, 'base64'),
      });
      // the index of an entry counts over all shards; the checkpoint is that of the active one
      return (info.inactiveShards ?? []).reduce((sum, each) => sum + each.treeSize, treeSize);
    },
    async submit(signed, signal): Promise<Submitted> {
      const answer = await post(ENTRIES_PATH, requestV1(entryParts(signed)), signal);
      if (answer.status === 201) {
        return {
          outcome: 'created',
          bundle: assembleBundle(signed, readJson(writing, answer, parseEntries)),
        };
      }
      if (answer.status !== 409) throw unexpectedAnswer(writing, answer);
      return { outcome: 'exists', bundle: assembleBundle(signed, await existing(answer, signal)) };
    },
  };
}

interface FoundEntry {
  readonly logIndex: number;
  /** Base64. */
  readonly body: string;
}

function parseFound(json: unknown): FoundEntry {
  const [only, ...more] = Object.values(z.parse(foundEntries, json));
  if (only === undefined || more.length > 0) throw new RangeError('not exactly one entry');
  return only;
}

function parseEntries(json: unknown): LogEntry {
  const [only, ...more] = Object.values(z.parse(entries, json));
  if (only === undefined || more.length > 0) throw new RangeError('not exactly one entry');
  const { inclusionProof: proof, signedEntryTimestamp } = only.verification;
  return parseLogEntry({
    logIndex: String(only.logIndex),
    logId: { keyId: fromHex(only.logID) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
    integratedTime: String(only.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: fromHex(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(fromHex),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: only.body,
  });
}

function fromHex(text: string): string {
  return Buffer.from(text, 'hex').toString('base64');
}
