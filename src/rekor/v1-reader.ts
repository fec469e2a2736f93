import { quote } from '../errors/quote.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { LogReader } from '../protocol/ports.ts';
import { assembleBundle } from './bundle.ts';
import { entryInvalid, readJson, unavailable, unexpectedAnswer } from './log-answer.ts';
import { MAX_QUERIES, parseAllFound, parseEntry } from './v1-answers.ts';
import { readHeadV1, type V1Place } from './v1-head.ts';

const ENTRIES_PATH = '/api/v1/log/entries';
const MAX_ENTRY_BYTES = 262_144;
/** As long as a stranger's entry gets to be: 5 MB (Rekor 1.5.4). It is a leaf like any other. */
const MAX_LEAF_BYTES = 8_388_608;

/**
 * Reads a Rekor v1 leaf by leaf, ten a call: for a private log of one shard, by choice. Indexes are those that entries
 * carry. A log with earlier shards is refused, since what stands there would go unread. Throws as LogReader.
 */
export function makeRekorV1Reader(place: V1Place): LogReader {
  const { url, transport } = place;
  const log = `log ${quote(url)}`;

  async function checkpoint(signal: AbortSignal): Promise<Checkpoint> {
    const head = await readHeadV1(place, signal);
    if (head.offset > 0) {
      throw entryInvalid(
        `follow ${log}`,
        'it has earlier shards, and only a log of one can be read leaf by leaf',
      );
    }
    return head.checkpoint;
  }

  async function bodies(from: number, to: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const reading = `read entries ${from} to ${to - 1} of ${log}`;
    const logIndexes = Array.from({ length: to - from }, (_, i) => from + i);
    const isOne = to - from === 1;
    const answer = await transport({
      method: 'POST',
      path: `${ENTRIES_PATH}/retrieve`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: Buffer.from(JSON.stringify({ logIndexes }), 'utf8'),
      maxBytes: isOne ? MAX_LEAF_BYTES : MAX_QUERIES * MAX_ENTRY_BYTES,
      mayBeCut: !isOne,
      signal,
    });
    if (answer.status !== 200) throw unexpectedAnswer(reading, answer);
    if (answer.isCut === true) {
      const halfway = Math.ceil((from + to) / 2);
      return [...(await bodies(from, halfway, signal)), ...(await bodies(halfway, to, signal))];
    }
    const found = readJson(reading, answer, parseAllFound);
    const byIndex = new Map(found.map((each) => [each.logIndex, each.body]));
    return logIndexes.map((index) => {
      const body = byIndex.get(index);
      // left out is what cannot be found, for example by a replica that lags behind
      if (body === undefined)
        throw unavailable(`cannot ${reading}: it leaves out entry ${index}; try again later`);
      return Buffer.from(body, 'base64');
    });
  }

  return {
    checkpoint,
    async *leaves(from, to, signal) {
      for (let start = from; start < to; start += MAX_QUERIES) {
        yield { start, entries: await bodies(start, Math.min(start + MAX_QUERIES, to), signal) };
      }
    },
    async bundleAt(index, signed, signal) {
      const reading = `read entry ${index} of ${log}`;
      if (!Number.isSafeInteger(index) || index < 0) throw entryInvalid(reading, 'it is no log index');
      const path = `${ENTRIES_PATH}?logIndex=${index}`;
      const answer = await transport({ method: 'GET', path, maxBytes: MAX_ENTRY_BYTES, signal });
      if (answer.status !== 200) throw unexpectedAnswer(reading, answer);
      return assembleBundle(signed, readJson(reading, answer, parseEntry));
    },
  };
}
