import { createHash } from 'node:crypto';
import { quote } from '../errors/quote.ts';

/** What is shown to a registry. `source` says for people where it comes from and holds no secret. */
export type Credential =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly source: string }
  /** An OAuth2 refresh token. */
  | { readonly kind: 'identityToken'; readonly token: string; readonly source: string };

export const ANONYMOUS: Credential = { kind: 'anonymous' };

/** Finds what to show to a registry. Throws CREDENTIALS_INVALID. */
export interface CredentialSource {
  find(registry: string, repository: string, signal: AbortSignal): Promise<Credential>;
}

/** A name for the credential that tells nothing about it, so that caches of tokens keep identities apart. */
export function identityOf(credential: Credential): string {
  if (credential.kind === 'anonymous') return 'anonymous';
  return createHash('sha256').update(JSON.stringify(credential)).digest('hex');
}

/** `Basic` with the user name and password (RFC 7617, UTF-8). */
export function basicHeader(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** For messages: `without credentials`, or whose credentials. */
export function describeCredential(credential: Credential): string {
  return credential.kind === 'anonymous' ? 'without credentials' : `with ${credential.source}`;
}

/** What to do about a refusal; who reads it may be a client of the proxy, the author of a Pod or an operator. */
export function credentialAdvice(credential: Credential, registry: string): string {
  if (credential.kind !== 'anonymous') return 'check that they are valid and may pull this repository';
  return `if the image exists, it takes credentials for ${quote(registry)}: a login, imagePullSecrets, or registries.credentialsFile`;
}
