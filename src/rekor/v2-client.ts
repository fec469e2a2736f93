import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { SignedStatement } from '../ledger/evidence.ts';
import { verifyCheckpoint } from '../ledger/signed-note.ts';
import type { LogReader, LogWriter, Submitted } from '../protocol/ports.ts';
import { assembleBundle } from './bundle.ts';
import { entryBody, entryParts, requestV2 } from './entry.ts';
import { entryInvalid, readJson, unavailable, unexpectedAnswer } from './log-answer.ts';
import { parseLogEntry, type LogEntry } from './log-entry.ts';
import { readLeaves } from './read-leaves.ts';
import { makeTileReader } from './tile-reader.ts';
import { TILE_WIDTH, tileWidth } from './tiles.ts';
import { aborted, type LogResponse, type LogTransport } from './transport.ts';
import { logIdOf, type LogTrust } from './trusted-root.ts';

const MAX_WRITE_ANSWER_BYTES = 131_072;
const WRITE_PATH = '/api/v2/log/entries';
/** Together more than the longest checkpoint interval in use (10 s). */
const CHECKPOINT_WAITS_MS = [50, 100, 200, 400, 800, ...Array.from({ length: 20 }, () => 1_000)];

export interface RekorV2Options {
  /** Where it is reached; for people. */
  readonly url: string;
  readonly trust: LogTrust;
  readonly write: LogTransport;
  /** Tiles and checkpoint may be served by another host than writes. */
  readonly read: { readonly transport: LogTransport; readonly prefix: string };
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Writes to and reads from a Rekor v2 (rekor-tiles) or the embedded log. */
export function makeRekorV2Client(options: RekorV2Options): LogWriter & LogReader {
  const { url, trust, write } = options;
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const tiles = makeTileReader({ ...options.read, url });
  const noteKey = { origin: trust.origin, spki: Buffer.from(trust.spki, 'base64') };
  const writing = `write to log ${quote(url)}`;

  async function checkpoint(signal: AbortSignal): Promise<Checkpoint> {
    return verifyCheckpoint(await tiles.checkpoint(signal), noteKey);
  }

  /** An entry has its index before a checkpoint covers it. */
  async function checkpointCovering(index: number, signal: AbortSignal): Promise<Checkpoint> {
    for (const waitMs of CHECKPOINT_WAITS_MS) {
      const newest = await checkpoint(signal);
      if (newest.treeSize > index) return newest;
      await sleep(waitMs, signal).catch((cause: unknown) => {
        throw signal.aborted ? aborted(signal, `waiting for a checkpoint of log ${quote(url)}`) : cause;
      });
    }
    throw unavailable(
      `cannot prove entry ${index} of log ${quote(url)}: no checkpoint covers it yet; try again later`,
    );
  }

  async function entryAt(index: number, signed: SignedStatement, signal: AbortSignal): Promise<LogEntry> {
    const { treeSize, rootHash, note } = await checkpointCovering(index, signal);
    const body = entryBody(trust.kind, entryParts(signed));
    const bundle = Math.floor(index / TILE_WIDTH);
    const [entries, hashes] = await Promise.all([
      tiles.entries(bundle, tileWidth('entries', bundle, treeSize), signal),
      tiles.inclusionProof(index, treeSize, signal),
    ]);
    if (Buffer.compare(entries[index % TILE_WIDTH] ?? Buffer.alloc(0), body) !== 0) {
      throw entryInvalid(`find our entry in log ${quote(url)}`, `another entry stands at index ${index}`);
    }
    return {
      logIndex: index,
      logId: logIdOf(trust),
      version: '0.0.2',
      integratedTime: 0,
      proof: { index, treeSize, rootHash: base64(rootHash), hashes: hashes.map(base64), checkpoint: note },
      body: base64(body),
    };
  }

  async function readAnswer(
    answer: LogResponse,
    signed: SignedStatement,
    signal: AbortSignal,
  ): Promise<Submitted> {
    if (answer.status === 201) {
      const entry = readJson(writing, answer, parseLogEntry);
      return { outcome: 'created', bundle: assembleBundle(signed, entry) };
    }
    if (answer.status !== 409) throw unexpectedAnswer(writing, answer);
    const index = Number(/^[0-9]{1,15}$/.exec(answer.headers['x-log-index'] ?? '')?.[0] ?? NaN);
    if (Number.isNaN(index)) throw entryInvalid(writing, 'it has the entry already and does not say where');
    return { outcome: 'exists', bundle: assembleBundle(signed, await entryAt(index, signed, signal)) };
  }

  return {
    identity: { kind: trust.kind, url, origin: trust.origin },
    checkpoint,
    async submit(signed, signal) {
      const body = Buffer.from(JSON.stringify(requestV2(entryParts(signed))), 'utf8');
      const headers = { 'content-type': 'application/json' };
      const maxBytes = MAX_WRITE_ANSWER_BYTES;
      const answer = await write({ method: 'POST', path: WRITE_PATH, headers, body, maxBytes, signal });
      return readAnswer(answer, signed, signal);
    },
    lastPath: (treeSize, signal) => tiles.inclusionProof(treeSize - 1, treeSize, signal),
    leaves: (from, to, signal) => readLeaves({ tiles, checkpoint }, { from, to }, signal),
    async bundleAt(index, signed, signal) {
      if (!Number.isSafeInteger(index) || index < 0) {
        throw new AppError({
          code: 'LOG_ENTRY_INVALID',
          message: `cannot read entry ${index}: it is no log index`,
        });
      }
      return assembleBundle(signed, await entryAt(index, signed, signal));
    },
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
