import { createHash, createHmac } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';

const CLAIM_CONTEXT = 'tagseal/claim/v1';
const BINDING_CONTEXT = 'tagseal/binding/v1';
const SCOPE = /^[\x20-\x7e]{1,128}$/;
const MIN_KEY_BYTES = 16;

/** Whether the text can name a ledger: 1 to 128 printable ASCII characters, so no line feed. */
export function isScope(scope: string): boolean {
  return SCOPE.test(scope);
}

/** Hex SHA-256 that stands for the tag in the log (DESIGN section 2, plain). Throws CONFIG_INVALID for a bad scope. */
export function plainClaimId(scope: string, canonicalReference: string): string {
  return createHash('sha256').update(claimText(scope, canonicalReference)).digest('hex');
}

/**
 * Hex HMAC-SHA-256 of the same text under the deployment's key, so that a private name cannot be guessed from the log.
 * Throws CONFIG_INVALID for a bad scope, KEY_INVALID for a key under 16 bytes.
 */
export function blindedClaimId(key: Uint8Array, scope: string, canonicalReference: string): string {
  return mac(key, claimText(scope, canonicalReference));
}

/** Hex HMAC-SHA-256 that keeps a blinded binding statement from being guessed. Throws as blindedClaimId. */
export function bindingSalt(
  key: Uint8Array,
  scope: string,
  canonicalReference: string,
  digest: Digest,
): string {
  return mac(key, [BINDING_CONTEXT, checkScope(scope), canonicalReference, digest].join('\n'));
}

function claimText(scope: string, reference: string): string {
  return [CLAIM_CONTEXT, checkScope(scope), reference].join('\n');
}

function checkScope(scope: string): string {
  if (isScope(scope)) return scope;
  throw new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot use scope ${quote(scope)}: a scope is 1 to 128 printable ASCII characters; choose a name like "default"`,
  });
}

function mac(key: Uint8Array, text: string): string {
  if (key.length < MIN_KEY_BYTES) {
    throw new AppError({
      code: 'KEY_INVALID',
      message: `cannot use the blinding key: it has ${key.length} bytes; use a random key of 32 bytes`,
    });
  }
  return createHmac('sha256', key).update(text).digest('hex');
}
