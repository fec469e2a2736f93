import type { OutgoingHttpHeaders } from 'node:http';
import type { Note, Verdict } from '../check/verdict.ts';
import type { Digest } from '../reference/digest.ts';

/** What of an upstream's blob answer a client gets to see. */
const BLOB_HEADERS = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'etag',
  'last-modified',
] as const;

export function blobHeaders(upstream: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  const headers: Record<string, string> = {};
  for (const name of BLOB_HEADERS) {
    const value = upstream[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

export function manifestHeaders(manifest: {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}): OutgoingHttpHeaders {
  return {
    'Content-Type': manifest.mediaType,
    'Content-Length': manifest.size,
    'Docker-Content-Digest': manifest.digest,
    ETag: `"${manifest.digest}"`,
  };
}

/** Whether an If-None-Match names the digest (RFC 9110, 13.1.2, weak comparison). `*` names none: it knows no digest. */
export function hasDigest(ifNoneMatch: string | undefined, digest: Digest): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}

/** Where the evidence stands, under the names that tlogistry gave these headers. */
export function evidenceHeaders({
  record,
  first,
}: Pick<Extract<Verdict, { kind: 'admit' }>, 'record' | 'first'>): OutgoingHttpHeaders {
  const entry = record?.log;
  return {
    ...(entry === undefined ? {} : { 'Tlog-Uuid': entry.uuid, 'Tlog-Logindex': String(entry.index) }),
    ...(entry?.time === undefined ? {} : { 'Tlog-Integratedtime': entry.time }),
    ...(first ? { 'Tlog-First-Seen': 'true' } : {}),
  };
}

const MAX_WARNING_LENGTH = 1000;

/** `Warning: 299 - "…"` (OCI distribution-spec, "Warnings"): printable ASCII on one line. Absent for no texts. */
export function warningHeaders(texts: readonly string[]): OutgoingHttpHeaders {
  if (texts.length === 0) return {};
  return { Warning: texts.map((text) => `299 - "${quotedString(text)}"`) };
}

function quotedString(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, '; ').replaceAll(/[^\x20-\x7e]/g, '?');
  return line.slice(0, MAX_WARNING_LENGTH).replaceAll(/["\\]/g, '\\$&');
}

/** What the notes of an admission tell the puller. */
export function noteTexts(canonical: string, notes: readonly Note[]): readonly string[] {
  return notes.flatMap((note) => {
    switch (note.kind) {
      case 'notRechecked':
        return [`${canonical} was not rechecked (${note.code}); this is the recorded digest`];
      case 'runsRecorded':
        return [`${canonical} moved; this is the recorded digest`];
      case 'wouldRecord':
      case 'wouldRestore':
      case 'notLoggedYet':
        return [];
    }
  });
}

/** Whether a client that sends this Accept can take the media type. No header takes everything (RFC 9110, 12.5.1). */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const [type = ''] = mediaType.split('/', 1);
  const wanted = new Set([mediaType.toLowerCase(), `${type.toLowerCase()}/*`, '*/*']);
  return accept.split(',').some((item) => {
    const [range = '', ...parameters] = item.split(';');
    return (
      wanted.has(range.trim().toLowerCase()) &&
      !parameters.some((parameter) => /^\s*q=0(?:\.0*)?\s*$/i.test(parameter))
    );
  });
}
