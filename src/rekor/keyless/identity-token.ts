import * as z from 'zod/mini';
import { parseBoundedJson } from '../bounded-json.ts';
import { signerRefused } from './signer-error.ts';

/** Longest token that anybody issues, in characters. */
export const MAX_TOKEN_LENGTH = 16_384;
const JWT = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/;
const CLAIM_LIMITS = { maxBytes: MAX_TOKEN_LENGTH, maxDepth: 12 };
const MILLISECONDS = 1000;
const name = z.string().check(z.minLength(1), z.maxLength(2048));

const claims = z.object({
  iss: name,
  sub: name,
  aud: z.union([name, z.array(name).check(z.maxLength(100))]),
  exp: z.int().check(z.nonnegative(), z.maximum(8_640_000_000_000)),
  email: z.optional(name),
  email_verified: z.optional(z.union([z.boolean(), z.string()])),
});

/** Where OpenID Connect tokens for Fulcio come from. */
export interface IdentityToken {
  /** For people, for example `file "/var/run/sigstore/token"`. */
  readonly source: string;
  /** A token, asked for anew at each call. Throws SIGNER_UNAVAILABLE, DEADLINE_EXCEEDED. */
  read(signal: AbortSignal): Promise<string>;
}

/** What a token says of itself; nothing of it is verified, since only Fulcio decides. */
export interface TokenClaims {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** The e-mail address where there is one, else the subject: what a proof of possession is over. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The claims of a JWT (RFC 7519) in compact form. `source` names it in messages. Throws SIGNER_UNAVAILABLE. */
export function readClaims(token: string, source: string): TokenClaims {
  const { iss, sub, aud, exp, email, email_verified: verified } = parseClaims(token, source);
  if (email !== undefined && verified !== true && verified !== 'true') {
    throw unusable(source, 'its issuer has not verified the e-mail address in it', 'take another account');
  }
  const audience = typeof aud === 'string' ? [aud] : aud;
  return { issuer: iss, audience, subject: email ?? sub, expiresAt: exp * MILLISECONDS };
}

function parseClaims(token: string, source: string): z.infer<typeof claims> {
  const payload = token.length > MAX_TOKEN_LENGTH ? undefined : JWT.exec(token)?.[1];
  if (payload === undefined) {
    throw unusable(
      source,
      'it is no JWT',
      'see that the source gives an OpenID Connect token and nothing else',
    );
  }
  try {
    return z.parse(claims, parseBoundedJson(Buffer.from(payload, 'base64url'), CLAIM_LIMITS));
  } catch {
    // no cause: an error of a parser may quote what it could not read
    throw unusable(source, 'it lacks "iss", "sub", "aud" or "exp"', 'see that it is an ID token');
  }
}

function unusable(source: string, why: string, todo: string): Error {
  return signerRefused(`cannot sign with the token from ${source}: ${why}; ${todo}`);
}
