import { quote } from '../errors/quote.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { verifyCheckpoint } from '../ledger/signed-note.ts';
import { readJson, unexpectedAnswer } from './log-answer.ts';
import type { LogTransport } from './transport.ts';
import type { LogTrust } from './trusted-root.ts';
import { parseLogInfo } from './v1-answers.ts';

const LOG_PATH = '/api/v1/log';
const MAX_ANSWER_BYTES = 262_144;

export interface HeadV1 {
  /** Of the shard that takes writes, its signature verified. */
  readonly checkpoint: Checkpoint;
  /** Entries in the shards before it, as the log says; where its own indexes begin. */
  readonly offset: number;
}

export interface V1Place {
  readonly url: string;
  readonly trust: LogTrust;
  readonly transport: LogTransport;
}

/** `GET /api/v1/log` of a Rekor v1. Throws LOG_UNAVAILABLE, LOG_ENTRY_INVALID, LOG_PROOF_INVALID. */
export async function readHeadV1({ url, trust, transport }: V1Place, signal: AbortSignal): Promise<HeadV1> {
  const reading = `read the head of log ${quote(url)}`;
  const answer = await transport({ method: 'GET', path: LOG_PATH, maxBytes: MAX_ANSWER_BYTES, signal });
  if (answer.status !== 200) throw unexpectedAnswer(reading, answer);
  const info = readJson(reading, answer, parseLogInfo);
  const checkpoint = verifyCheckpoint(info.signedTreeHead, {
    origin: `${trust.origin} - ${info.treeID}`,
    keyName: trust.origin,
    spki: Buffer.from(trust.spki, 'base64'),
  });
  return { checkpoint, offset: (info.inactiveShards ?? []).reduce((sum, each) => sum + each.treeSize, 0) };
}
