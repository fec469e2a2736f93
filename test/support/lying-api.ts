import * as z from 'zod/mini';
import { canonicalJson } from '../../src/rekor/canonical-json.ts';
import { leafOfWriteRequest } from '../../src/rekor/embedded/write-request.ts';
import { printLogEntry, type LogEntry } from '../../src/rekor/log-entry.ts';
import { parseTilePath, printEntryBundle, TILE_WIDTH, tileWidth } from '../../src/rekor/tiles.ts';
import { naiveRoot } from './naive-merkle.ts';
import { uuidOf, type View } from './lying-tree.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: Uint8Array;
}

/** What a log does, in words of the tree; the API of each version is made of it. */
export interface LogActions {
  /** The tree that takes writes, as it is shown at this moment. */
  view(): View;
  /** v1: the trees that are full, oldest first. */
  earlier(): readonly View[];
  note(view: View): string;
  /** With the lies of the moment. */
  entry(view: View, index: number): LogEntry;
  /** Appends; or finds the same leaf. */
  write(body: Uint8Array): { readonly outcome: 'created' | 'exists'; readonly entry: LogEntry };
  isFrozen(): boolean;
  /** v1: what the index says, of all UUIDs that it should say. */
  named(uuids: readonly string[]): readonly string[];
}

const v1Write = z.strictObject({
  apiVersion: z.literal('0.0.1'),
  kind: z.literal('hashedrekord'),
  spec: z.object({
    data: z.object({ hash: z.object({ algorithm: z.literal('sha256'), value: z.string() }) }),
    signature: z.object({ content: z.string(), publicKey: z.object({ content: z.string() }) }),
  }),
});
const indexQuery = z.strictObject({ hash: z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/)) });
const retrieveQuery = z.strictObject({
  logIndexes: z.optional(z.array(z.int()).check(z.maxLength(10))),
  entryUUIDs: z.optional(z.array(z.string()).check(z.maxLength(10))),
});

/** Rekor v2 (rekor-tiles): one write call and the files of a tile log. */
export function answerV2(log: LogActions, { method, path, body }: Asked): Answer {
  if (method === 'POST' && path === '/api/v2/log/entries') {
    if (log.isFrozen()) return problem(405, 'this log is frozen');
    const { outcome, entry } = log.write(leafOfWriteRequest(body));
    if (outcome === 'created') return json(201, printLogEntry(entry));
    const answer = problem(409, 'an equivalent entry already exists');
    return { ...answer, headers: { ...answer.headers, 'x-log-index': String(entry.logIndex) } };
  }
  const view = log.view();
  if (path === '/api/v2/checkpoint') return file(Buffer.from(log.note(view)));
  const tile = parseTilePath(path.slice('/api/v2/'.length));
  if (tile === undefined || tile.width > tileWidth(tile.level, tile.index, view.bodies.length))
    return problem(404, 'not found');
  const span = tile.level === 'entries' ? 1 : TILE_WIDTH ** tile.level;
  const first = tile.index * TILE_WIDTH;
  const parts = Array.from({ length: tile.width }, (_, i) =>
    view.bodies.slice((first + i) * span, (first + i + 1) * span),
  );
  return file(
    tile.level === 'entries' ? printEntryBundle(parts.flat()) : Buffer.concat(parts.map(naiveRoot)),
  );
}

/** The parts of Rekor v1 (rekor, openapi.yaml) that a hashedrekord needs. */
export function answerV1(log: LogActions, asked: Asked): Answer {
  const { method, path } = asked;
  if (method === 'POST' && path === '/api/v1/log/entries') return writeV1(log, asked.body);
  if (method === 'POST' && path === '/api/v1/index/retrieve') return searchV1(log, asked.body);
  if (method === 'POST' && path === '/api/v1/log/entries/retrieve') return retrieveV1(log, asked.body);
  if (path === '/api/v1/log') return headV1(log);
  const uuid = /^\/api\/v1\/log\/entries\/((?:[0-9a-f]{16})?[0-9a-f]{64})$/.exec(path)?.[1];
  const index = /^\/api\/v1\/log\/entries\?logIndex=([0-9]+)$/.exec(path)?.[1];
  const found =
    uuid === undefined ? (index === undefined ? undefined : atIndex(log, Number(index))) : byUuid(log, uuid);
  const none: Answer = { status: 404, headers: {}, body: Buffer.alloc(0) };
  return found === undefined ? none : json(200, entryV1(log, found));
}

interface Found {
  readonly view: View;
  readonly index: number;
}

function all(log: LogActions): readonly Found[] {
  return [...log.earlier(), log.view()].flatMap((view) => view.bodies.map((_, index) => ({ view, index })));
}

function bodyOf({ view, index }: Found): Uint8Array {
  return view.bodies[index] ?? Buffer.alloc(0);
}

function byUuid(log: LogActions, uuid: string): Found | undefined {
  return all(log).find((each) => uuidOf(each.view, bodyOf(each)).endsWith(uuid));
}

function atIndex(log: LogActions, virtual: number): Found | undefined {
  return all(log).find(({ view, index }) => view.offset + index === virtual);
}

function entryV1(log: LogActions, found: Found) {
  return printEntryV1(found.view, log.entry(found.view, found.index));
}

/** An entry as v1 answers it, under its UUID. */
function printEntryV1(view: View, { logIndex, logId, integratedTime, body, proof, ...rest }: LogEntry) {
  const inclusionProof = {
    checkpoint: proof.checkpoint,
    hashes: proof.hashes.map(hex),
    logIndex: proof.index,
    rootHash: hex(proof.rootHash),
    treeSize: proof.treeSize,
  };
  const { signedEntryTimestamp } = rest;
  return {
    [uuidOf(view, Buffer.from(body, 'base64'))]: {
      body,
      integratedTime,
      logID: hex(logId),
      logIndex,
      verification: { inclusionProof, signedEntryTimestamp },
    },
  };
}

function writeV1(log: LogActions, request: Uint8Array): Answer {
  const leaf = Buffer.from(canonicalJson(z.parse(v1Write, parse(request))));
  const { outcome, entry } = log.write(leaf);
  const uuid = uuidOf(log.view(), Buffer.from(entry.body, 'base64'));
  const location = `/api/v1/log/entries/${uuid}`;
  const answer =
    outcome === 'created'
      ? json(201, printEntryV1(log.view(), entry))
      : problem(409, `an equivalent entry already exists in the transparency log with UUID ${uuid}`);
  return { ...answer, headers: { ...answer.headers, location } };
}

function searchV1(log: LogActions, request: Uint8Array): Answer {
  const { hash } = z.parse(indexQuery, parse(request));
  const over = all(log).filter((each) => digestOf(bodyOf(each)) === hash.slice('sha256:'.length));
  return json(200, log.named(over.map((each) => uuidOf(each.view, bodyOf(each)))));
}

function digestOf(body: Uint8Array): string | undefined {
  return z.safeParse(v1Write, parse(body)).data?.spec.data.hash.value;
}

function retrieveV1(log: LogActions, request: Uint8Array): Answer {
  const { logIndexes = [], entryUUIDs = [] } = z.parse(retrieveQuery, parse(request));
  const found = [
    ...logIndexes.map((index) => atIndex(log, index)),
    ...entryUUIDs.map((uuid) => byUuid(log, uuid)),
  ].flatMap((each) => each ?? []);
  return json(
    200,
    found.map((each) => entryV1(log, each)),
  );
}

function headV1(log: LogActions): Answer {
  const print = (view: View) => ({
    rootHash: Buffer.from(naiveRoot(view.bodies)).toString('hex'),
    signedTreeHead: log.note(view),
    treeID: view.treeId,
    treeSize: view.bodies.length,
  });
  return json(200, { ...print(log.view()), inactiveShards: log.earlier().map(print) });
}

export function json(status: number, value: unknown): Answer {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: Buffer.from(JSON.stringify(value)) };
}

export function problem(status: number, message: string): Answer {
  return json(status, { code: status, message });
}

function file(body: Uint8Array): Answer {
  return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // a stranger's leaf
    return undefined;
  }
}

function hex(text: string): string {
  return Buffer.from(text, 'base64').toString('hex');
}
