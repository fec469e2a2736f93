import { createHash, randomBytes } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  id_ct_tstInfo,
  MessageImprint,
  PKIStatus,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from '@peculiar/asn1-tsp';
import { RFC3161Timestamp } from '@sigstore/core';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import {
  parseServiceUrl,
  retryAfter,
  serviceAt,
  type ServiceAnswer,
  type ServiceCall,
} from './service-call.ts';
import { readTimestampInfo } from '../verify/timestamp-token.ts';
import { signerAway, signerRefused } from './signer-error.ts';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const NONCE_BYTES = 16;
const MAX_ANSWER_BYTES = 32_768;

export interface Timestamp {
  /** TimeStampResp (RFC 3161 section 2.4.2), DER in base64. */
  readonly der: string;
  /** What it says, in milliseconds since the epoch; nobody has verified who says it. */
  readonly time: number;
}

export interface TimestampAuthority {
  /** A timestamp over a signature (base64): over its bytes. Throws SIGNER_UNAVAILABLE, DEADLINE_EXCEEDED. */
  timestamp(signature: string, signal: AbortSignal): Promise<Timestamp>;
}

export interface TimestampAuthorityOptions {
  /** Where requests are posted, for example `https://timestamp.sigstore.dev/api/v1/timestamp`. */
  readonly url: string;
  readonly call: ServiceCall;
  /** Random bytes for nonces. */
  readonly random?: (size: number) => Uint8Array;
}

/** Client of an RFC 3161 timestamp authority over HTTP (section 3.4). Throws CONFIG_INVALID for a bad address. */
export function makeTimestampAuthority(options: TimestampAuthorityOptions): TimestampAuthority {
  const { call, random = randomBytes } = options;
  const url = parseServiceUrl(options.url, 'signer.tsaUrl');
  const service = serviceAt('the timestamp authority', url);
  const headers = { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' };

  return {
    async timestamp(signature, signal) {
      const imprint = createHash('sha256').update(Buffer.from(signature, 'base64')).digest();
      const asked = { imprint, nonce: nonceOf(random(NONCE_BYTES)) };
      const body = requestFor(asked);
      const maxBytes = MAX_ANSWER_BYTES;
      const answer = await call({ service, method: 'POST', url, headers, body, maxBytes, signal });
      // 201 is what Sigstore's own answers
      if (answer.status === 200 || answer.status === 201) return readAnswer(service, answer, asked);
      throw refusal(service, answer);
    },
  };
}

interface Asked {
  readonly imprint: Uint8Array;
  /** Content octets of a positive INTEGER. */
  readonly nonce: Uint8Array;
}

/** Neither negative nor led by a zero octet, so that it has one encoding. */
function nonceOf(bytes: Uint8Array): Uint8Array {
  const [first = 0, ...rest] = bytes;
  return Uint8Array.of((first & 0x7f) | 0x40, ...rest);
}

function requestFor({ imprint, nonce }: Asked): Uint8Array {
  const messageImprint = new MessageImprint({ hashedMessage: new OctetString(imprint) });
  messageImprint.hashAlgorithm.algorithm = SHA256;
  const request = new TimeStampReq({ messageImprint, nonce: bufferOf(nonce), certReq: true });
  return new Uint8Array(AsnConvert.serialize(request));
}

function readAnswer(service: string, { body }: ServiceAnswer, asked: Asked): Timestamp {
  const der = Buffer.from(body);
  try {
    // as verifiers read it: one value in DER and nothing behind it
    const parsed = RFC3161Timestamp.parse(der);
    requireGranted(service, AsnConvert.parse(der, TimeStampResp));
    if (parsed.eContentType !== id_ct_tstInfo) throw new TypeError('no TSTInfo in it');
    const info = AsnConvert.parse(parsed.tstInfo.raw, TSTInfo);
    requireAsked(service, info, asked);
    // as our verifier reads it: any fraction of a second
    const { time } = readTimestampInfo(parsed.tstInfo.raw);
    return { der: der.toString('base64'), time };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw signerAway(`cannot use ${service}: its answer is no timestamp; check signer.tsaUrl`, cause);
  }
}

function requireGranted(service: string, { status }: TimeStampResp): void {
  if (status.status === PKIStatus.granted) return;
  const words = status.statusString?.join(' ') ?? '';
  const said = words === '' ? 'without a word' : quote(words);
  throw signerRefused(
    `cannot get a timestamp from ${service}: it answered status ${status.status} ${said}; see that it takes SHA-256`,
  );
}

function requireAsked(service: string, { messageImprint, nonce }: TSTInfo, asked: Asked): void {
  const isOurs =
    messageImprint.hashAlgorithm.algorithm === SHA256 &&
    isSame(messageImprint.hashedMessage.buffer, asked.imprint) &&
    nonce !== undefined &&
    isSame(nonce, asked.nonce);
  if (isOurs) return;
  throw signerAway(`cannot use ${service}: its timestamp is not the one asked for; check signer.tsaUrl`);
}

function refusal(service: string, answer: ServiceAnswer): Error {
  const message = `cannot get a timestamp from ${service}: it answered ${answer.status}`;
  if (answer.status === 429 || answer.status >= 500) {
    return signerAway(`${message}; try again later`, undefined, retryAfter(answer));
  }
  return signerRefused(`${message}; check signer.tsaUrl, which names the whole path`);
}

function isSame(found: ArrayBuffer, expected: Uint8Array): boolean {
  return Buffer.from(found).equals(expected);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
