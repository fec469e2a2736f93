import type { Readable } from 'node:stream';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AddressGuard } from './address-guard.ts';
import type { AuthorizedAnswer, AuthorizedSend } from './authorized-send.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';
import type { DigestTarget } from './manifest-cache.ts';
import { requireIdentity } from './manifest.ts';
import { isRedirect, redirectTarget } from './redirect.ts';
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

export interface BlobClientOptions {
  readonly authorizedSend: AuthorizedSend;
  readonly hosts: Hosts;
  readonly guard: AddressGuard;
  readonly limits: Limits;
}

const PASSED_ON = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'etag',
  'last-modified',
];

export function makeBlobClient(options: BlobClientOptions): BlobClient {
  const { authorizedSend, hosts, limits } = options;

  async function ask(target: BlobTarget, aim: string, signal: AbortSignal): Promise<BlobAnswer> {
    const home = hosts.originOf(target.registry);
    const { registry, repository, method } = target;
    const headers = { accept: '*/*', 'accept-encoding': 'identity', ...requestHeaders(target) };
    let url = new URL(`/v2/${repository}/blobs/${target.digest}`, home);
    for (let hops = 0; hops <= limits.redirects; hops += 1) {
      const call = { registry, repository, method, url, headers, aim, signal, agent: 'blobs' } as const;
      const answered = await authorizedSend(call);
      if (!isRedirect(answered.answer)) return await stream(answered, target, aim);
      await discard(answered.answer);
      url = redirectTarget(answered.answer, aim, options);
      // within the registry it may need our login, which a client does not have
      if (url.origin !== home.origin) return { kind: 'redirect', location: url.href };
    }
    throw new AppError({
      code: 'REGISTRY_ANSWER_INVALID',
      message: `${aim}: registry ${quote(registry)} redirects more than ${limits.redirects} times; check its configuration`,
    });
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
  } catch (error) {
    await discard(answer);
    throw error;
  }
  return { kind: 'stream', status, headers: responseHeaders(answer), body: answer.body };
}

function responseHeaders(answer: Answer): Readonly<Record<string, string>> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = answer.header(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
