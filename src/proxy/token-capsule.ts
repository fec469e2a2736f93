import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod/mini';

/** What one of our tokens stands for. */
export interface Grant {
  /** `registry/repository`, canonical: nothing else may be pulled with it. */
  readonly repositories: readonly string[];
  /** What the client has shown; absent: nothing. */
  readonly login?: { readonly username: string; readonly password: string };
}

/** Tokens that hold their own meaning: encrypted, so that nothing is kept here and nobody can read or change them. */
export interface TokenCapsules {
  /** Valid for so many seconds from `now`, milliseconds since the epoch. */
  seal(grant: Grant, now: number): { readonly token: string; readonly seconds: number };
  /** Undefined for what is no token of ours, and for one that has ended. */
  open(token: string, now: number): Grant | undefined;
}

const LIFETIME_SECONDS = 300;
const MAX_LENGTH = 12 * 1024;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX = 'tagseal1.';

const grantSchema = z.object({
  until: z.number(),
  repositories: z.array(z.string()),
  login: z.optional(z.object({ username: z.string(), password: z.string() })),
});

/** AES-256-GCM under a key that all replicas have. */
export function makeTokenCapsules(key: Uint8Array): TokenCapsules {
  return {
    seal(grant, now) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const text = JSON.stringify({ ...grant, until: now + LIFETIME_SECONDS * 1000 });
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return { token: PREFIX + sealed.toString('base64url'), seconds: LIFETIME_SECONDS };
    },
    open(token, now) {
      if (!token.startsWith(PREFIX) || token.length > MAX_LENGTH) return undefined;
      const sealed = Buffer.from(token.slice(PREFIX.length), 'base64url');
      if (sealed.length <= NONCE_BYTES + TAG_BYTES) return undefined;
      const grant = grantSchema.safeParse(decrypted(sealed, key));
      if (!grant.success || now >= grant.data.until) return undefined;
      const { repositories, login } = grant.data;
      return { repositories, ...(login && { login }) };
    },
  };
}

function decrypted(sealed: Buffer, key: Uint8Array): unknown {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
    return JSON.parse(Buffer.concat([text, decipher.final()]).toString('utf8'));
  } catch {
    // no cause: not sealed by us, or changed; the schema refuses it next
    return undefined;
  }
}
