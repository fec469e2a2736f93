import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import * as z from 'zod/mini';
import { quote } from '../../errors/quote.ts';
import type { Clock } from '../../protocol/ports.ts';
import { parseBoundedJson } from '../bounded-json.ts';
import { readClaims, type IdentityToken, type TokenClaims } from './identity-token.ts';
import {
  parseServiceUrl,
  retryAfter,
  serviceAt,
  type ServiceAnswer,
  type ServiceCall,
} from './service-call.ts';
import { signerAway, signerRefused } from './signer-error.ts';
import { derOfPem, parseSigningCertificate, type SigningCertificate } from './signing-certificate.ts';

const PATH = 'api/v2/signingCert';
const MAX_ANSWER_BYTES = 131_072;
const LIMITS = { maxBytes: MAX_ANSWER_BYTES, maxDepth: 6 };
const chain = z.object({
  certificates: z.array(z.string().check(z.maxLength(32_768))).check(z.minLength(1), z.maxLength(10)),
});
// fulcio.proto of Fulcio v2, SigningCertificate
const signingCertificate = z.union([
  z.object({ signedCertificateEmbeddedSct: z.object({ chain }) }),
  z.object({
    signedCertificateDetachedSct: z.object({ chain, signedCertificateTimestamp: z.optional(z.string()) }),
  }),
]);
const problem = z.object({ message: z.string() });

export interface Fulcio {
  /** A certificate for the public half of a P-256 key. Throws SIGNER_UNAVAILABLE, DEADLINE_EXCEEDED. */
  certify(privateKey: KeyObject, signal: AbortSignal): Promise<SigningCertificate>;
}

export interface FulcioOptions {
  readonly url: string;
  readonly token: IdentityToken;
  readonly call: ServiceCall;
  /** Only to explain a refusal. */
  readonly clock: Clock;
}

/** Client of Fulcio's v2 API. Throws CONFIG_INVALID for a bad address. */
export function makeFulcio({ url, token, call, clock }: FulcioOptions): Fulcio {
  const base = parseServiceUrl(url, 'signer.fulcioUrl');
  const service = serviceAt('Fulcio', base);
  const endpoint = new URL(PATH, `${base.origin}${base.pathname.replace(/\/*$/, '/')}`);

  return {
    async certify(privateKey, signal) {
      const text = await token.read(signal);
      const claims = readClaims(text, token.source);
      const answer = await call({
        service,
        method: 'POST',
        url: endpoint,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: Buffer.from(JSON.stringify(requestFor(privateKey, text, claims)), 'utf8'),
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      if (answer.status !== 200 && answer.status !== 201) {
        const refused = explain(claims, token.source, clock);
        throw notCertified(service, answer, refused);
      }
      return readAnswer(service, answer, privateKey);
    },
  };
}

/** The proof of possession is a signature over the token's subject (Fulcio's docs/certificate-issuing.md). */
function requestFor(privateKey: KeyObject, token: string, { subject }: TokenClaims): object {
  const content = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const proof = sign('sha256', Buffer.from(subject, 'utf8'), privateKey);
  return {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content },
      proofOfPossession: proof.toString('base64'),
    },
  };
}

function readAnswer(service: string, answer: ServiceAnswer, privateKey: KeyObject): SigningCertificate {
  let certificate: SigningCertificate;
  try {
    certificate = parseSigningCertificate(derOfPem(leafOf(service, answer)));
  } catch (cause) {
    if (cause instanceof Error && 'retryAfterSeconds' in cause) throw cause;
    throw signerAway(
      `cannot use ${service}: its answer is no signing certificate; check signer.fulcioUrl`,
      cause,
    );
  }
  const ours = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  if (certificate.spki === ours) return certificate;
  throw signerAway(`cannot use ${service}: its certificate is not for our key; check signer.fulcioUrl`);
}

function leafOf(service: string, { body }: ServiceAnswer): string {
  const parsed = z.parse(signingCertificate, parseBoundedJson(body, LIMITS));
  if ('signedCertificateEmbeddedSct' in parsed) return first(parsed.signedCertificateEmbeddedSct.chain);
  const { chain: detached, signedCertificateTimestamp } = parsed.signedCertificateDetachedSct;
  // without a CT log there is none; with one, no bundle could carry it
  if (!signedCertificateTimestamp) return first(detached);
  throw signerRefused(
    `cannot use ${service}: it gives the proof of its CT log beside the certificate, where no bundle has room for it; set up its CA for embedded SCTs`,
  );
}

function first({ certificates }: z.infer<typeof chain>): string {
  return certificates[0] ?? '';
}

function notCertified(service: string, answer: ServiceAnswer, refused: string): Error {
  const message = `cannot get a certificate from ${service}: it answered ${answer.status} ${saidIn(answer)}`;
  if (answer.status === 429 || answer.status >= 500) {
    return signerAway(`${message}; try again later`, undefined, retryAfter(answer));
  }
  if (answer.status !== 400 && answer.status !== 401 && answer.status !== 403) {
    return signerRefused(`${message}; check signer.fulcioUrl`);
  }
  return signerRefused(`${message}; ${refused}`);
}

function saidIn({ body }: ServiceAnswer): string {
  try {
    return quote(z.parse(problem, parseBoundedJson(body, LIMITS)).message);
  } catch {
    // a proxy in front of it says it in its own way
    const text = Buffer.from(body.subarray(0, 200)).toString('utf8').trim();
    return text === '' ? 'without a word' : quote(text);
  }
}

/** Fulcio says only that it dislikes the token: what people must know to see why. */
function explain({ issuer, audience, expiresAt }: TokenClaims, source: string, clock: Clock): string {
  const expiry = new Date(expiresAt).toISOString();
  if (expiresAt <= clock.now()) {
    return `the token from ${source} expired at ${expiry}: see that it is renewed there`;
  }
  const audiences = audience.map(quote).join(', ');
  return `see that it knows the issuer ${quote(issuer)} and the audience ${audiences} of the token from ${source}`;
}
