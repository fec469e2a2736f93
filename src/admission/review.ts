import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { isJsonObject, textAt } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What a review says of itself, without the objects that it is about. */
export interface ReviewHead {
  readonly uid: string;
  readonly operation: Operation;
  /** `group/kind` with an empty group for the core: `/Pod`, `apps/Deployment`. */
  readonly groupKind: string;
  /** Empty for the object itself. */
  readonly subResource: string;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
}

/** The part of an AdmissionReview that Tagseal looks at (admission.k8s.io/v1 AdmissionRequest); objects are raw JSON. */
export interface Review extends ReviewHead {
  /** Of who asks; empty when the review does not say. */
  readonly username: string;
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
}

const MAX_UID_LENGTH = 128;
/** What V8 keeps while it parses grows with depth; the API server itself stops at 10,000. */
const MAX_DEPTH = 1000;
/** Below this size no depth can do harm, and the scan would cost more than the parsing. */
const DEPTH_SCAN_FROM_BYTES = 256 * 1024;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  (['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const).map((operation) => [operation, operation]),
);

/** The JSON of a review's bytes. Throws REVIEW_INVALID. */
export function parseReviewJson(bytes: Buffer): unknown {
  if (bytes.length >= DEPTH_SCAN_FROM_BYTES && isTooDeep(bytes)) {
    throw invalid(`it is nested more than ${MAX_DEPTH} levels deep`);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
}

/** The uid that every answer must carry, readable even in a review that is otherwise wrong. */
export function uidOf(json: unknown): string | undefined {
  if (!isJsonObject(json) || !isJsonObject(json['request'])) return undefined;
  const uid = json['request']['uid'];
  return typeof uid === 'string' && uid !== '' && uid.length <= MAX_UID_LENGTH ? uid : undefined;
}

/** Reads an AdmissionReview v1. Throws REVIEW_INVALID. */
export function readReview(json: unknown): Review {
  if (!isJsonObject(json)) throw invalid('it is not a JSON object');
  const apiVersion = textAt(json, 'apiVersion');
  const kind = textAt(json, 'kind');
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') {
    throw invalid(
      `it is ${quote(`${apiVersion} ${kind}`)}, not "admission.k8s.io/v1 AdmissionReview"; set admissionReviewVersions to ["v1"]`,
    );
  }
  const uid = uidOf(json);
  const request = json['request'];
  if (!isJsonObject(request) || uid === undefined) throw invalid('it has no request with a uid');
  return readRequest(request, uid);
}

function readRequest(request: JsonObject, uid: string): Review {
  const operation = OPERATIONS.get(textAt(request, 'operation'));
  if (operation === undefined) {
    throw invalid(`its operation is ${quote(textAt(request, 'operation'))}; send CREATE or UPDATE`);
  }
  const kind = request['kind'];
  if (!isJsonObject(kind)) throw invalid('its request has no kind');
  return {
    uid,
    operation,
    groupKind: `${textAt(kind, 'group')}/${textAt(kind, 'kind')}`,
    subResource: textAt(request, 'subResource'),
    namespace: textAt(request, 'namespace'),
    name: textAt(request, 'name'),
    dryRun: request['dryRun'] === true,
    username: isJsonObject(request['userInfo']) ? textAt(request['userInfo'], 'username') : '',
    object: objectAt(request, 'object'),
    oldObject: objectAt(request, 'oldObject'),
  };
}

export function headOf(review: Review): ReviewHead {
  const { uid, operation, groupKind, subResource, namespace, name, dryRun } = review;
  return { uid, operation, groupKind, subResource, namespace, name, dryRun };
}

function objectAt(request: JsonObject, name: string): JsonObject | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  throw invalid(`its ${name} is not a JSON object`);
}

export function invalid(why: string, cause?: unknown): AppError {
  return new AppError({ code: 'REVIEW_INVALID', message: `cannot judge this review: ${why}`, cause });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether brackets outside of strings nest deeper than MAX_DEPTH; one pass, no recursion. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** The index of the quote that ends the string begun at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1);
  while (end !== -1 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1);
  return end === -1 ? bytes.length : end;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let backslashes = 0;
  while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}
