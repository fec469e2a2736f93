import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseBoundedJson } from './bounded-json.ts';

const LIMITS = { maxBytes: 262_144, maxDepth: 8 };
const MAX_SERVICES = 100;
const MAX_URL_LENGTH = 2_048;
const V2 = 2;

const time = z.pipe(
  z.iso.datetime({ offset: true }),
  z.transform((text) => Date.parse(text)),
);
const service = z.object({
  url: z.string().check(
    z.maxLength(MAX_URL_LENGTH),
    z.refine((text) => isPlainUrl(text)),
  ),
  majorApiVersion: z.int().check(z.positive()),
  validFor: z.object({ start: time, end: z.optional(z.nullable(time)) }),
  operator: z._default(z.string().check(z.maxLength(MAX_URL_LENGTH)), ''),
});
const signingConfig = z.object({
  mediaType: z.literal('application/vnd.dev.sigstore.signingconfig.v0.2+json'),
  rekorTlogUrls: z.array(service).check(z.maxLength(MAX_SERVICES)),
  rekorTlogConfig: z.optional(
    z.object({
      selector: z.enum(['ANY', 'ALL', 'EXACT']),
      count: z._default(z.int().check(z.nonnegative()), 0),
    }),
  ),
});

/** A log that a signing config names. */
export interface TlogService {
  readonly url: string;
  readonly majorApiVersion: number;
  /** Milliseconds since the epoch; both belong to it. */
  readonly validFor: { readonly start: number; readonly end?: number };
  readonly operator: string;
}

export interface SigningConfig {
  /** For messages: file or TUF target. */
  readonly source: string;
  readonly logs: readonly TlogService[];
  /** How many logs each entry must be in. */
  readonly wants: 'one' | 'all' | number;
}

/** Sigstore SigningConfig v0.2 (protobuf-specs, sigstore_trustroot.proto), of it the logs. Throws TRUST_ROOT_INVALID. */
export function parseSigningConfig(source: string, bytes: Uint8Array): SigningConfig {
  let json: unknown;
  try {
    json = parseBoundedJson(bytes, LIMITS);
  } catch (cause) {
    throw invalid(source, 'it is no JSON within limits', cause);
  }
  const { data, error } = z.safeParse(signingConfig, json);
  if (data === undefined) {
    const path = error.issues[0]?.path ?? [];
    throw invalid(source, `its field ${quote(path.map(String).join('.'))} is missing or wrong`, error);
  }
  const { selector = 'ANY', count = 0 } = data.rekorTlogConfig ?? {};
  return {
    source,
    logs: data.rekorTlogUrls.map(({ validFor: { start, end }, ...rest }) => ({
      ...rest,
      validFor: { start, ...(typeof end === 'number' && { end }) },
    })),
    wants: selector === 'ANY' ? 'one' : selector === 'ALL' ? 'all' : count,
  };
}

/**
 * The Rekor v2 that takes writes at `now` (milliseconds since the epoch): of those that are valid the one that started
 * last. Throws TRUST_ROOT_INVALID when there is none, or when an entry must be in several logs.
 */
export function selectV2Log({ source, logs, wants }: SigningConfig, now: number): TlogService {
  const valid = logs
    .filter(({ majorApiVersion }) => majorApiVersion === V2)
    .filter(({ validFor: { start, end = Infinity } }) => start <= now && now <= end)
    .toSorted((a, b) => b.validFor.start - a.validFor.start);
  const [newest] = valid;
  if (newest === undefined) throw invalid(source, 'it names no Rekor v2 that takes writes at this time');
  const operators = new Set(valid.map(({ operator }) => operator)).size;
  const wanted = wants === 'one' ? 1 : wants === 'all' ? operators : wants;
  if (wanted === 1) return newest;
  throw invalid(source, `its "rekorTlogConfig" wants each entry in ${wanted} logs, and we write to one`);
}

function isPlainUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username + url.password + url.search + url.hash !== '') return false;
  return url.protocol === 'https:' || url.protocol === 'http:';
}

function invalid(source: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot find a log by the signing config ${quote(source)}: ${why}; name a signing config of version 0.2, or set log.url`,
    cause,
  });
}
