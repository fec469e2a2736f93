import { createHmac } from 'node:crypto';
import { compare } from 'bcryptjs';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { costOf, type Htpasswd } from './htpasswd.ts';

export interface PasswordCheckOptions {
  /** The users as they are now. */
  readonly users: () => Htpasswd;
  /** Of this process alone: keys what is remembered of passwords. */
  readonly secret: Buffer;
}

/** Whether user and password belong together; `busy` when too many are being checked already. */
export type PasswordCheck = (user: string, password: string) => Promise<boolean | 'busy'>;

/** bcrypt reads no more; a longer password would match by its beginning. */
const MAX_PASSWORD_BYTES = 72;
const MAX_USER_LENGTH = 256;
/** Each check keeps the processor busy for some 50 ms. */
const AT_ONCE = 2;
const MAX_WAITING = 64;
const MAX_REMEMBERED = 10_000;
/** Salt and hash that no password has. */
const NOBODYS = `${'.'.repeat(21)}u${'.'.repeat(31)}`;

/**
 * bcrypt over the users. An unknown user costs as much as a known one with a wrong password; a password that was right is
 * remembered under a keyed hash, as long as the user's hash stays.
 */
export function makePasswordCheck({ users, secret }: PasswordCheckOptions): PasswordCheck {
  const right = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  const limit = pLimit(AT_ONCE);

  return async (user, password) => {
    const known = users();
    const hash = known.get(user);
    const tooLong = user.length > MAX_USER_LENGTH || Buffer.byteLength(password) > MAX_PASSWORD_BYTES;
    const key = createHmac('sha256', secret)
      .update(JSON.stringify([user, password, hash ?? '']))
      .digest('base64');
    if (hash !== undefined && right.get(key) === true) return true;
    if (limit.pendingCount >= MAX_WAITING) return 'busy';
    const checked = hash ?? nobodysHash(known);
    const matches = await limit(() => compare(tooLong ? '' : password, checked));
    if (!matches || hash === undefined || tooLong) return false;
    right.set(key, true);
    return true;
  };
}

/** As costly as the costliest of the file. */
function nobodysHash(users: Htpasswd): string {
  const cost = Math.max(...[...users.values()].map(costOf));
  return `$2b$${String(cost).padStart(2, '0')}$${NOBODYS}`;
}

/** User and password of an Authorization header (RFC 7617); undefined for anything else. */
export function parseBasic(
  header: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]{1,8192}={0,2})$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
