import type { Readable } from 'node:stream';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AuthorizedAnswer } from './authorized-send.ts';
import type { Follow } from './follow.ts';
import type { DigestTarget } from './manifest-cache.ts';
import { requireIdentity } from './manifest.ts';
import { refusalOf } from './refusal.ts';
import { deadlineExceeded } from './send-error.ts';
import { discard } from './send.ts';
import type { Answer } from './send.ts';

export interface BlobTarget extends DigestTarget {
  readonly method: 'GET' | 'HEAD';
  readonly headers: { readonly range?: string; readonly 'if-range'?: string };
}

export type BlobAnswer =
  /** For the client to follow: https or a `plainHttp` host, without user information, not to a forbidden address. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** Not hashed: whoever pulls a blob compares it with its digest. Empty for HEAD. */
  | {
      readonly kind: 'stream';
      readonly status: 200 | 206 | 416;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Readable;
    };

/** Throws REGISTRY_*, BLOB_UNKNOWN, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED; the signal also ends the stream. */
export type BlobClient = (target: BlobTarget, signal: AbortSignal) => Promise<BlobAnswer>;

const PASSED_ON = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'etag',
  'last-modified',
];

export function makeBlobClient({ follow }: { readonly follow: Follow }): BlobClient {
  async function ask(target: BlobTarget, aim: string, signal: AbortSignal): Promise<BlobAnswer> {
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...requestHeaders(target) };
    const { method, digest } = target;
    const request = { target, resource: `blobs/${digest}`, method, headers, aim, signal };
    const answered = await follow.toBlob(request);
    if (answered instanceof URL) return { kind: 'redirect', location: answered.href };
    return await stream(answered, target, aim);
  }

  return async (target, signal) => {
    const aim = `cannot read blob ${quote(`${target.registry}/${target.repository}@${target.digest}`)}`;
    try {
      return await ask(target, aim, signal);
    } catch (error) {
      if (signal.aborted) throw deadlineExceeded(aim, error);
      throw error;
    }
  };
}

function requestHeaders({ headers }: BlobTarget): Record<string, string> {
  const kept: Record<string, string> = {};
  if (headers.range !== undefined) kept['range'] = headers.range;
  if (headers['if-range'] !== undefined) kept['if-range'] = headers['if-range'];
  return kept;
}

async function stream(answered: AuthorizedAnswer, target: BlobTarget, aim: string): Promise<BlobAnswer> {
  const { answer } = answered;
  const { status } = answer;
  if (status !== 200 && status !== 206 && status !== 416) {
    await discard(answer);
    throw refusalOf(answered, { registry: target.registry, aim, unknown: 'BLOB_UNKNOWN' });
  }
  try {
    requireIdentity(answer, aim);
    if (status !== 200 && target.headers.range === undefined) throw unasked(answer, aim);
  } catch (error) {
    await discard(answer);
    throw error;
  }
  return { kind: 'stream', status, headers: responseHeaders(answer), body: answer.body };
}

/** A part of a blob is not compared with its digest: nobody gets one for the whole. */
function unasked({ url, status }: Answer, aim: string): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: ${quote(url.host)} answers ${status} where no range was asked for; check what serves this host`,
  });
}

function responseHeaders(answer: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = answer.header(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
