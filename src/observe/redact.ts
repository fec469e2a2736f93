import type { LogFields } from './log.ts';

const HIDDEN = '[redacted]';
const MAX_DEPTH = 5;

/** Names whose values are never logged, compared in lower case without `-` and `_`. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'wwwauthenticate',
  'proxyauthenticate',
  'cookie',
  'setcookie',
  'password',
  'passwd',
  'secret',
  'clientsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'identitytoken',
  'registrytoken',
  'idtoken',
  'auth',
  'apikey',
  'xapikey',
  'xregistryauth',
  'xregistryconfigauth',
  'privatekey',
  'xamzsecuritytoken',
  'xgoogiamauthorizationtoken',
]);

/** A cheap test that lets almost every name pass. */
const MAYBE_SECRET_NAME = /auth|cookie|passw|secret|token|key/i;

/** A cheap test that lets almost every string pass without the expressions below. */
const SUSPICIOUS = /bearer|basic|eyJ|@|[?&]|PRIVATE/i;

const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, `$1 ${HIDDEN}`],
  [/eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, HIDDEN],
  [/:\/\/[^\s/@:]*:[^\s/@]*@/g, `://${HIDDEN}@`],
  [/([?&](?:[\w-]*(?:token|signature|credential|secret|password)|sig|key)=)[^&\s"]+/gi, `$1${HIDDEN}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g, HIDDEN],
];

/** Text without bearer and basic credentials, JWTs, passwords and signatures in URLs, and private keys. */
export function redactText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return SECRET_TEXTS.reduce((safe, [pattern, replacement]) => safe.replace(pattern, replacement), text);
}

/** `head` as it is, then the fields made fit for a log: secret names hidden, texts redacted, errors and bytes made readable, depth bounded. */
export function redact(head: LogFields, fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = { ...head };
  for (const name of Object.keys(fields)) {
    safe[name] = isSecretName(name) ? HIDDEN : redactValue(fields[name], 1);
  }
  return safe;
}

function isSecretName(name: string): boolean {
  return MAYBE_SECRET_NAME.test(name) && SECRET_NAMES.has(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  const safe: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    safe[name] = isSecretName(name) ? HIDDEN : redactValue(inner, depth + 1);
  }
  return safe;
}

/** What an error says, and what its causes say. The stack only where nobody foresaw the error. */
function describeError(error: Error): Record<string, unknown> {
  const causes: string[] = [];
  let cause = error.cause;
  while (cause instanceof Error && causes.length < MAX_DEPTH) {
    causes.push(redactText(cause.message));
    cause = cause.cause;
  }
  const code = 'code' in error ? error.code : undefined;
  return {
    ...(code === undefined ? {} : { code }),
    message: redactText(error.message),
    ...(causes.length === 0 ? {} : { causes }),
    ...(code === undefined || code === 'INTERNAL' ? { stack: redactText(deepest(error).stack ?? '') } : {}),
  };
}

function deepest(error: Error): Error {
  let at = error;
  for (let depth = 0; depth < MAX_DEPTH && at.cause instanceof Error; depth += 1) at = at.cause;
  return at;
}
