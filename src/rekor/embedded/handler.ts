import { AppError } from '../../errors/app-error.ts';
import { orAborted } from '../../protocol/or-aborted.ts';
import { parseTilePath, tileWidth, type Tile } from '../tiles.ts';
import { systemCode } from '../../errors/system-code.ts';
import type { LogRequest, LogResponse, LogTransport } from '../transport.ts';
import { printLogEntry, type LogEntry } from '../log-entry.ts';
import type { GroupCommit } from './group-commit.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogStore } from './log-store.ts';
import { tileFile } from './tile-files.ts';
import { leafOfWriteRequest } from './write-request.ts';

const PREFIX = '/api/v2/';
const WRITE_PATH = `${PREFIX}log/entries`;
/** Codes of google.rpc.Code, as the gateway of Rekor v2 sends them. */
const RPC = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  unimplemented: 12,
  unavailable: 14,
} as const;

export interface HandlerOptions {
  readonly store: LogStore;
  readonly commits: GroupCommit;
  readonly folder: LogFolder;
  /** Log ID in entries, base64. */
  readonly logId: string;
}

/** The HTTP API of Rekor v2 (rekor-tiles, openapi): a pure function of request and log. Throws only DEADLINE_EXCEEDED. */
export function makeLogHandler({ store, commits, folder, logId }: HandlerOptions): LogTransport {
  async function write(request: LogRequest): Promise<LogResponse> {
    let leaf: Uint8Array;
    try {
      leaf = leafOfWriteRequest(request.body ?? new Uint8Array());
    } catch (error) {
      return problem(400, RPC.invalidArgument, `invalid hashedrekord request: ${firstLine(error)}`);
    }
    try {
      const { outcome, index } = await orAborted(
        commits.append(leaf),
        request.signal,
        'writing to the embedded log',
      );
      if (outcome === 'created') return json(201, printLogEntry(entryAt(index, leaf)));
      const answer = problem(
        409,
        RPC.alreadyExists,
        `an equivalent entry already exists in the transparency log with index ${index}`,
      );
      return { ...answer, headers: { ...answer.headers, 'x-log-index': String(index) } };
    } catch (error) {
      if (error instanceof AppError && error.code === 'DEADLINE_EXCEEDED') throw error;
      return problem(
        503,
        RPC.unavailable,
        error instanceof AppError ? error.message : 'the log cannot be written',
      );
    }
  }

  function entryAt(index: number, leaf: Uint8Array): LogEntry {
    const { treeSize, rootHash, note } = store.published();
    const hashes = store.inclusionProof(index, treeSize).map(base64);
    return {
      logIndex: index,
      logId,
      version: '0.0.2',
      integratedTime: 0,
      proof: { index, treeSize, rootHash: base64(rootHash), hashes, checkpoint: note },
      body: base64(leaf),
    };
  }

  async function read(path: string): Promise<LogResponse> {
    if (path === 'checkpoint') return checkpoint(store.published().note);
    const tile = parseTilePath(path);
    // the files may be ahead of the checkpoint; readers must not see what is not signed
    if (tile === undefined || !isPublished(tile, store.published().treeSize)) return notFound();
    try {
      const bytes = await folder.read(tileFile(tile));
      return bytes === undefined ? notFound() : tileAnswer(bytes);
    } catch (error) {
      const why = systemCode(error) ?? 'an unknown error';
      return problem(
        503,
        RPC.unavailable,
        `cannot read ${tileFile(tile)}: ${why}; check the disk of the log`,
      );
    }
  }

  return async (request) => {
    if (request.path === WRITE_PATH) {
      return request.method === 'POST'
        ? write(request)
        : problem(501, RPC.unimplemented, 'Method Not Allowed');
    }
    if (request.method !== 'GET' || !request.path.startsWith(PREFIX)) return notFound();
    return read(request.path.slice(PREFIX.length));
  };
}

function isPublished({ level, index, width }: Tile, treeSize: number): boolean {
  return width <= tileWidth(level, index, treeSize);
}

function checkpoint(note: string): LogResponse {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' };
  return { status: 200, headers, body: Buffer.from(note, 'utf8') };
}

function tileAnswer(body: Uint8Array): LogResponse {
  const headers = {
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
  };
  return { status: 200, headers, body };
}

function notFound(): LogResponse {
  return problem(404, RPC.notFound, 'Not Found');
}

function problem(status: number, code: number, message: string): LogResponse {
  return json(status, { code, message, details: [] });
}

function json(status: number, value: unknown): LogResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(value), 'utf8'),
  };
}

function firstLine(error: unknown): string {
  const text =
    error instanceof TypeError || error instanceof RangeError ? error.message : 'unexpected field or value';
  return text.split('\n')[0] ?? '';
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
