import type { ServerResponse } from 'node:http';
import { apiVersionOf, type FakeKind } from './kinds.ts';
import type { FakeObject, Json } from './objects.ts';

/** A failure, as the API server words it. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Json;

  constructor(code: number, reason: string, message: string, details: Json = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export function statusOf({ code, reason, message, details }: StatusError): Json {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  };
}

export function answer(
  response: ServerResponse,
  code: number,
  body: Json | string,
  headers: Record<string, string> = {},
) {
  const isText = typeof body === 'string';
  response.writeHead(code, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

export function notFound({ path }: FakeKind, name: string): StatusError {
  const kind = path.split('/').at(-1) ?? '';
  return new StatusError(404, 'NotFound', `${kind} "${name}" not found`, { name, kind });
}

export function changed({ path }: FakeKind, name: string): StatusError {
  const what = `Operation cannot be fulfilled on ${path.split('/').at(-1)} "${name}"`;
  return new StatusError(409, 'Conflict', `${what}: the object has been modified`, { name });
}

/** The object as the API gives it: its kind first, or its metadata alone. */
export function rendered(kind: FakeKind, object: FakeObject, metadataOnly: boolean): Json {
  if (metadataOnly)
    return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  return { ...object, kind: kind.kind, apiVersion: apiVersionOf(kind) };
}
