import type { Readable } from 'node:stream';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { makeDigestCheck, type DigestCheck } from './digest-check.ts';
import { blobHeaders, hasDigest } from './headers.ts';
import { sendOciError } from './oci-error.ts';
import { pour } from './pour.ts';
import { shown, type Exchange } from './pull-manifest.ts';
import { makeStreamPlaces } from './stream-places.ts';
import type { BlobTarget, ManifestTarget, Upstream, UpstreamBlob } from './upstream-port.ts';

export type PullBlob = (target: ManifestTarget, exchange: Exchange) => Promise<void>;

export interface BlobParts {
  readonly upstream: Upstream;
  /** Blobs streamed at once; each holds about 2 MB. */
  readonly maxStreams: number;
  /** How long a blob waits for a place among them. Milliseconds. */
  readonly patienceMs?: number;
  readonly pace?: Pace;
  /** Whether what is streamed whole must have its digest. */
  readonly verifyBlobs: boolean;
}

/** The least that a stream must move. */
export interface Pace {
  readonly bytes: number;
  readonly everyMs: number;
}

/** Shorter than any client waits for an answer. */
const PATIENCE_MS = 8_000;
/** 1 KiB a second: slower than any line on which an image is pulled. */
const DEFAULT_PACE: Pace = { bytes: 30 * 1024, everyMs: 30_000 };

/** Passes redirects on and streams the rest with back-pressure; nothing is kept. Throws what Upstream throws. */
export function makePullBlob({
  upstream,
  maxStreams,
  patienceMs = PATIENCE_MS,
  pace = DEFAULT_PACE,
  verifyBlobs,
}: BlobParts): PullBlob {
  const places = makeStreamPlaces({ most: maxStreams, patienceMs });

  return async function pullBlob(target, exchange) {
    const leave = await places.take(exchange.client.key, exchange.signal);
    try {
      const isKnown = hasDigest(exchange.request.headers['if-none-match'], target.digest);
      const asked = blobTarget(target, exchange);
      const blob = await upstream.blob(isKnown ? { ...asked, method: 'HEAD' } : asked, exchange.signal);
      if (isKnown) answerUnchanged(blob, target.digest, exchange);
      else await answer(blob, exchange, { pace, check: verifyBlobs ? checkOf(target, blob) : undefined });
    } finally {
      leave();
    }
  };
}

function blobTarget({ registry, repository, digest }: ManifestTarget, exchange: Exchange): BlobTarget {
  const { method, headers } = exchange.request;
  return {
    registry,
    repository,
    digest,
    ...shown(exchange),
    method: method === 'HEAD' ? 'HEAD' : 'GET',
    headers: method === 'HEAD' ? {} : rangeHeaders(headers),
  };
}

/** Of a GET, and of a unit that registries know: any other range means the whole (RFC 9110, 14.2). */
function rangeHeaders({
  range,
  'if-range': ifRange,
}: Exchange['request']['headers']): Readonly<Record<string, string>> {
  if (range === undefined || !/^bytes=/i.test(range)) return {};
  return { range, ...(typeof ifRange === 'string' && { 'if-range': ifRange }) };
}

/** The client has it; the registry has said that it may. */
function answerUnchanged(blob: UpstreamBlob, digest: Digest, { response }: Exchange): void {
  if (blob.kind === 'stream') discard(blob.body);
  response.writeHead(304, { ETag: `"${digest}"`, 'Docker-Content-Digest': digest }).end();
}

/** A part of a blob has no digest. */
function checkOf(target: ManifestTarget, blob: UpstreamBlob): DigestCheck | undefined {
  if (blob.kind !== 'stream' || blob.status !== 200) return undefined;
  const length = blob.headers['content-length'];
  return makeDigestCheck(target, length === undefined ? undefined : Number(length));
}

async function answer(
  blob: UpstreamBlob,
  { request, response, signal }: Exchange,
  { pace, check }: { readonly pace: Pace; readonly check: DigestCheck | undefined },
): Promise<void> {
  if (blob.kind === 'redirect') {
    response.writeHead(307, { Location: checkedLocation(blob.location), 'Content-Length': 0 }).end();
    return;
  }
  if (blob.status === 416) {
    discard(blob.body);
    refuseRange(blob.headers['content-range'], response);
    return;
  }
  response.writeHead(blob.status, blobHeaders(blob.headers));
  if (request.method === 'HEAD') {
    discard(blob.body);
    response.end();
    return;
  }
  const watch = watchPace(response, pace);
  try {
    await pour(blob.body, { response, signal, check });
  } finally {
    clearInterval(watch);
  }
}

/** In our words: the registry's would come as a blob with a digest. */
function refuseRange(length: string | undefined, response: Exchange['response']): void {
  sendOciError(response, {
    status: 416,
    code: 'UNSUPPORTED',
    message: 'the blob has no such range; ask for bytes that it has, or for the whole',
    ...(length !== undefined && { headers: { 'Content-Range': length } }),
  });
}

/** Cuts a stream that creeps, whichever end is to blame: it holds a place that others need. */
function watchPace(response: Exchange['response'], { bytes, everyMs }: Pace): NodeJS.Timeout {
  let before = response.socket?.bytesWritten ?? 0;
  const timer = setInterval(() => {
    const now = response.socket?.bytesWritten ?? 0;
    if (now - before < bytes) response.destroy();
    before = now;
  }, everyMs);
  return timer.unref();
}

/** A body cut short may say so as an error, which nobody else would hear. */
function discard(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

/** The port promises a safe address; a header that would not even be one must not reach the client. */
function checkedLocation(location: string): string {
  const url = URL.parse(location);
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '') {
    return url.href;
  }
  throw new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `cannot pass on a redirect to ${quote(location)}: it is not an http or https address without credentials`,
  });
}
