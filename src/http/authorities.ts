import { makeAuthority, type Authority } from './tls.ts';

/** The CAs of servers that share one trust bundle, while one CA gives way to the next. */
export interface Authorities {
  /** Signs leaves. */
  readonly signing: Authority;
  /** Trusted already, and signing once everybody trusts it. */
  readonly next?: { readonly authority: Authority; readonly since: number };
  /** Sign no more, and are trusted until the last leaf under them has ended. Certificates in PEM, without keys. */
  readonly retired: readonly { readonly cert: string; readonly until: number }[];
}

export interface AuthorityTimes {
  readonly authorityLifetimeMs: number;
  readonly leafLifetimeMs: number;
  /** How long a new CA is trusted before it signs: until then every client must have read the new bundle. */
  readonly settleMs: number;
}

export async function firstAuthorities(times: AuthorityTimes, now: number): Promise<Authorities> {
  const signing = await makeAuthority({ lifetimeMs: times.authorityLifetimeMs, now });
  return { signing, retired: [] };
}

/**
 * The next step of a rotation that is due, or undefined for none: at two thirds of its life a CA gets a successor, which
 * first is trusted and then signs; the old one is trusted as long as leaves under it are valid. Times in milliseconds.
 */
export async function dueStep(
  { signing, next, retired }: Authorities,
  times: AuthorityTimes,
  now: number,
): Promise<Authorities | undefined> {
  const left = retired.filter(({ until }) => until > now);
  if (next === undefined) {
    if (signing.notAfter - now < times.authorityLifetimeMs / 3) {
      const authority = await makeAuthority({ lifetimeMs: times.authorityLifetimeMs, now });
      return { signing, next: { authority, since: now }, retired: left };
    }
    return left.length === retired.length ? undefined : { signing, retired: left };
  }
  if (now - next.since < times.settleMs) return undefined;
  const until = Math.min(now + times.leafLifetimeMs, signing.notAfter);
  return { signing: next.authority, retired: [...left, { cert: signing.cert, until }] };
}

/** What clients must trust: every CA under which a valid leaf may be served, now or soon. PEM. */
export function trustBundle({ signing, next, retired }: Authorities): string {
  const certs = [signing.cert, ...(next ? [next.authority.cert] : []), ...retired.map(({ cert }) => cert)];
  return certs.map((cert) => `${cert.trim()}\n`).join('');
}

const MAX_RETIRED = 10;

/** What `JSON.stringify` made of them. Throws TypeError; nothing of the text is in its message, since it holds keys. */
export function parseAuthorities(text: string): Authorities {
  const { signing, next, retired } = fieldsOf(parseJson(text));
  if (!Array.isArray(retired) || retired.length > MAX_RETIRED) throw unusable();
  return {
    signing: authorityOf(signing),
    ...(next !== undefined && { next: nextOf(next) }),
    retired: retired.map(retiredOf),
  };
}

type Fields = Partial<Record<string, unknown>>;

function nextOf(value: unknown): { authority: Authority; since: number } {
  const { authority, since } = fieldsOf(value);
  if (typeof since !== 'number') throw unusable();
  return { authority: authorityOf(authority), since };
}

function retiredOf(value: unknown): { cert: string; until: number } {
  const { cert, until } = fieldsOf(value);
  if (typeof cert !== 'string' || typeof until !== 'number') throw unusable();
  return { cert, until };
}

function authorityOf(value: unknown): Authority {
  const { cert, key, notAfter } = fieldsOf(value);
  if (typeof cert !== 'string' || typeof key !== 'string' || typeof notAfter !== 'number') throw unusable();
  return { cert, key, notAfter };
}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unusable();
  return { ...value };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // no cause: the parser quotes the text, and with it perhaps the key
    throw unusable();
  }
}

function unusable(): TypeError {
  return new TypeError('it holds no certificate authorities');
}
