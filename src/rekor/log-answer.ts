import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseBoundedJson } from './bounded-json.ts';
import type { LogResponse } from './transport.ts';

const MAX_JSON_DEPTH = 12;
const MAX_PROBLEM_BYTES = 16_384;
const problem = z.object({ message: z.string() });
const RETRY_AFTER_SECONDS = 5;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
/** What a shard of Rekor v2 says to a write once its successor has taken over. */
const FROZEN = 405;
/** Answers that say something about the request itself: another try cannot help. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403, 404, 409, 411, 413, 414, 415, 422]);

/** The error for an answer that is not the one hoped for. `doing` is for example `write to log "https://…"`. */
export function unexpectedAnswer(doing: string, { status, body }: LogResponse): AppError {
  const text = messageOf(body) ?? Buffer.from(body.subarray(0, 200)).toString('utf8').trim();
  const said = text === '' ? 'without a word' : quote(text);
  const why = `cannot ${doing}: it answered ${status} ${said}`;
  if (status === FROZEN) {
    return unavailable(
      `${why}: the log takes no more entries; set log.url, or the signing config, to the one that does`,
    );
  }
  if (REFUSALS.has(status)) {
    return new AppError({
      code: 'LOG_ENTRY_INVALID',
      message: `${why}; check that the log's url and kind are right`,
    });
  }
  return unavailable(`${why}; try again later`);
}

/** Rekor puts what it has to say into a JSON object (google.rpc.Status). */
function messageOf(body: Uint8Array): string | undefined {
  try {
    const json = parseBoundedJson(body, { maxBytes: MAX_PROBLEM_BYTES, maxDepth: MAX_JSON_DEPTH });
    return problem.parse(json).message;
  } catch {
    // a proxy in front of the log says it in its own way
    return undefined;
  }
}

export function unavailable(
  message: string,
  cause?: unknown,
  retryAfterSeconds = RETRY_AFTER_SECONDS,
): AppError {
  return new AppError({ code: 'LOG_UNAVAILABLE', message, cause, retryAfterSeconds });
}

/** What a log says that cannot be an entry. */
export function entryInvalid(doing: string, why: string, cause?: unknown): AppError {
  const message = `cannot ${doing}: ${why}; check that the log's url and kind are right`;
  return new AppError({ code: 'LOG_ENTRY_INVALID', message, cause });
}

/** The JSON of an answer, handed to `parse`; every error in either is LOG_ENTRY_INVALID. */
export function readJson<T>(doing: string, answer: LogResponse, parse: (json: unknown) => T): T {
  const type = answer.headers['content-type'];
  // whatever stands before the log may answer in its place
  if (type !== undefined && !JSON_TYPE.test(type))
    throw entryInvalid(doing, `its answer is ${quote(type)} and not JSON`);
  try {
    return parse(parseBoundedJson(answer.body, { maxBytes: answer.body.length, maxDepth: MAX_JSON_DEPTH }));
  } catch (cause) {
    throw entryInvalid(doing, 'its answer is no log entry', cause);
  }
}
