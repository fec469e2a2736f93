import * as z from 'zod/mini';
import { parseLogEntry, type LogEntry } from './log-entry.ts';

// what a Rekor v1 answers (rekor, openapi.yaml); every parser throws ZodError or RangeError

const MAX_LEAF_LENGTH = 8_388_608;
const MAX_PROOF_HASHES = 64;
/** Tree ID (16 digits) and leaf hash (64), or the leaf hash alone; at the end of a text. */
export const UUID = /([0-9a-f]{16})?[0-9a-f]{64}$/;

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
const uuids = z.array(z.string().check(z.regex(/^(?:[0-9a-f]{16})?[0-9a-f]{64}$/)));
const HASH_DIGITS = 64;
/** Of one query (rekor, pkg/api: maxSearchQueries). */
export const MAX_QUERIES = 10;
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
  z.object({ body: z.base64().check(z.maxLength(MAX_LEAF_LENGTH)), logIndex: count }),
);

/** Of any type and any length, under its UUID. */
const retrieved = z
  .array(z.record(z.string().check(z.regex(UUID)), z.object({ body: z.string(), logIndex: count })))
  .check(z.maxLength(MAX_QUERIES));

export interface FoundEntry {
  readonly logIndex: number;
  /** Base64. */
  readonly body: string;
}

/** The heads of the active shard and of those before it. */
export type LogInfo = z.infer<typeof logInfo>;

export function parseLogInfo(json: unknown): LogInfo {
  return z.parse(logInfo, json);
}

/** What the index names, each once. */
export function parseNamed(json: unknown, max: number): readonly string[] | 'tooMany' {
  // before each name is looked at
  const different = Array.isArray(json) ? [...new Set<unknown>(json)] : json;
  if (Array.isArray(different) && different.length > max) return 'tooMany';
  return z.parse(uuids, different);
}

/** An entry as the log has it, whatever it is. */
export type RetrievedEntry = z.infer<typeof retrieved>[number][string];

/** Some or all of the entries that were asked for, as seen of Rekor 1.5.4: what it does not have is left out. */
export function parseRetrieved(json: unknown, asked: readonly string[]): readonly RetrievedEntry[] {
  const hashes = new Set(asked.map((uuid) => uuid.slice(-HASH_DIGITS)));
  return z.parse(retrieved, json).map((byUuid) => {
    const [uuid = ''] = Object.keys(byUuid);
    if (!hashes.has(uuid.slice(-HASH_DIGITS))) throw new RangeError('an entry that was not asked for');
    return onlyOne(byUuid);
  });
}

/** The answer to a query for several. */
export function parseAllFound(json: unknown): readonly FoundEntry[] {
  return z.parse(z.array(foundEntries).check(z.maxLength(MAX_QUERIES)), json).map(onlyOne);
}

/** Exactly one hashedrekord with its proof. */
export function parseEntry(json: unknown): LogEntry {
  const only = onlyOne(z.parse(entries, json));
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

function onlyOne<T>(byUuid: Readonly<Record<string, T>>): T {
  const [only, ...more] = Object.values(byUuid);
  if (only === undefined || more.length > 0) throw new RangeError('not exactly one entry');
  return only;
}

function fromHex(text: string): string {
  return Buffer.from(text, 'hex').toString('base64');
}
