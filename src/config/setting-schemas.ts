import * as z from 'zod/mini';

// The rules that settings share; each says what it wants in words that follow the setting's name.

const string = () => z.string({ error: 'must be text' });
export const text = string().check(z.minLength(1, 'must not be empty'), z.maxLength(4096, 'is too long'));
export const url = string().check(
  z.regex(/^https?:\/\/[^\s?#]{1,2000}$/, 'must be an http:// or https:// address'),
);
export const listen = string().check(
  z.regex(
    /^(?:[^\s:]*|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
    'must be host:port, for example 127.0.0.1:8443 or :8443',
  ),
);
export const scope = string().check(
  z.regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/,
    'must be 1 to 64 letters, digits, dots, dashes',
  ),
);
export const dnsLabel = string().check(
  z.regex(/^[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?$/, 'must be 1 to 53 lower-case letters, digits, dashes'),
);
const exactHost = string().check(
  z.regex(/^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/, 'must be host or host:port'),
);
/** Host -> host. */
export const hostMap = z.record(exactHost, exactHost, { error: 'must be a mapping of hosts' });
/** Host -> addresses of its mirrors. */
export const mirrorMap = z.record(exactHost, list(url, 8), { error: 'must be a mapping of hosts' });
/** Host -> whose credentials it is shown. */
export const credentialMap = z.record(
  exactHost,
  z.enum(['own', 'client'], { error: 'must be own or client' }),
  { error: 'must be a mapping of hosts' },
);
const host = string().check(
  z.regex(/^(?:\*\.)?(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/, 'must be host or host:port'),
);
export const hosts = list(host, 200);
export const identity = z.strictObject(
  { identity: text, issuer: text },
  { error: 'must be {identity, issuer}' },
);
export const flag = z.boolean({ error: 'must be true or false' });

export function list(item: z.ZodMiniType, max: number) {
  return z.array(item, { error: 'must be a list' }).check(z.maxLength(max, `must have at most ${max} items`));
}

export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).check(z.gte(min, { error }), z.lte(max, { error }), z.multipleOf(1, { error }));
}

export function oneOf(...values: readonly [string, ...string[]]) {
  return z.enum(values, { error: `must be one of ${values.join(', ')}` });
}
