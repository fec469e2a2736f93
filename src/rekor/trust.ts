import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { validity, type Validity } from './sigstore-trust.ts';
import { systemCode } from '../errors/system-code.ts';
import { BEGINNING_OF_TIME, logIdOf, type LogTrust } from './trusted-root.ts';

const LIMITS = { maxBytes: 1_048_576, maxDepth: 12 };
/** v1 logs sign with ECDSA, v2 logs with Ed25519: that tells them apart in a trusted root. */
const KEY_DETAILS = { 'rekor-v1': 'PKIX_ECDSA_P256_SHA_256', 'rekor-v2': 'PKIX_ED25519' } as const;

const trustedRoot = z.object({
  mediaType: z
    .string()
    .check(
      z.regex(/^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/),
    ),
  tlogs: z
    .array(
      z.object({
        baseUrl: z.url({ protocol: /^https?$/ }),
        publicKey: z.object({ rawBytes: z.string(), keyDetails: z.string(), validFor: z.optional(validity) }),
        logId: z.object({ keyId: z.string() }),
      }),
    )
    .check(z.maxLength(100)),
});

export type RekorSettings = {
  readonly kind: 'rekor-v1' | 'rekor-v2';
  readonly url: string;
} & ({ readonly trustedRootFile: string } | { readonly publicKeyFile: string; readonly origin: string });

type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * The logs that a `trusted_root.json`, or a public key with its origin, make trusted: the one at `url` first, then
 * others of its kind (its earlier shards). Throws TRUST_ROOT_INVALID, which names file and field.
 */
export async function readLogTrust(
  settings: RekorSettings,
  read: ReadFile = readFile,
): Promise<readonly [LogTrust, ...LogTrust[]]> {
  if ('publicKeyFile' in settings) {
    const { kind, origin, publicKeyFile: file } = settings;
    return [{ kind, origin, spki: spkiOf(file, await readOrRefuse(file, read), kind) }];
  }
  const file = settings.trustedRootFile;
  return logsIn(file, parseTrustedRoot(file, await readOrRefuse(file, read)), settings);
}

type TrustedRootJson = z.infer<typeof trustedRoot>;

function logsIn(
  file: string,
  root: TrustedRootJson,
  { kind, url }: RekorSettings,
): readonly [LogTrust, ...LogTrust[]] {
  const logs = root.tlogs.flatMap(({ baseUrl, publicKey, logId }, at): LogTrust[] => {
    if (publicKey.keyDetails !== KEY_DETAILS[kind]) return [];
    const trust: LogTrust = {
      kind,
      origin: baseUrl.replace(/^https?:\/\/|\/+$/g, ''),
      spki: publicKey.rawBytes,
      baseUrl: baseUrl.replace(/\/+$/, ''),
      ...limitsOf(publicKey.validFor),
    };
    assertKey(file, `tlogs[${at}].publicKey.rawBytes`, trust);
    if (logIdOf(trust) === logId.keyId) return [trust];
    throw invalid(file, `its field "tlogs[${at}].logId.keyId" is not the ID of that key and baseUrl`);
  });
  const host = new URL(url).host;
  const [first, ...rest] = logs.toSorted((a, b) => Number(hostOf(b) === host) - Number(hostOf(a) === host));
  if (first === undefined) throw invalid(file, `its field "tlogs" names no log of kind ${kind}`);
  if (rest.length > 0 && hostOf(first) !== host) {
    throw invalid(
      file,
      `its field "tlogs" names ${logs.length} logs of kind ${kind} and none at ${quote(host)}`,
    );
  }
  return [first, ...rest];
}

/** None where it counts always, as `trustedRootFor` writes that. */
function limitsOf(validFor: Validity | undefined): Pick<LogTrust, 'validFor'> {
  const { start = BEGINNING_OF_TIME, end } = validFor ?? {};
  if (Date.parse(start) === 0 && end === undefined) return {};
  return { validFor: { start, ...(end !== undefined && { end }) } };
}

function hostOf({ origin }: LogTrust): string {
  return origin.split('/')[0] ?? '';
}

function parseTrustedRoot(file: string, bytes: Uint8Array): TrustedRootJson {
  let json: unknown;
  try {
    json = parseBoundedJson(bytes, LIMITS);
  } catch (cause) {
    throw invalid(file, 'it is no JSON', cause);
  }
  const { data, error } = z.safeParse(trustedRoot, json);
  if (data !== undefined) return data;
  const path = error.issues[0]?.path ?? [];
  throw invalid(file, `its field ${quote(path.map(String).join('.'))} is missing or wrong`, error);
}

function spkiOf(file: string, bytes: Uint8Array, kind: LogTrust['kind']): string {
  const pem = Buffer.from(bytes).toString('utf8');
  if (pem.includes('PRIVATE KEY')) throw invalid(file, 'it holds a private key and not the public one');
  let spki: string;
  try {
    spki = createPublicKey({ key: pem, format: 'pem' })
      .export({ format: 'der', type: 'spki' })
      .toString('base64');
  } catch (cause) {
    throw invalid(file, 'it is no public key in PEM form', cause);
  }
  assertKey(file, 'publicKey', { kind, origin: '', spki });
  return spki;
}

function assertKey(file: string, field: string, { kind, spki }: LogTrust): void {
  try {
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ed25519' && kind !== 'rekor-v1') return;
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return;
  } catch (cause) {
    throw invalid(file, `its field "${field}" is no public key`, cause);
  }
  throw invalid(file, `its field "${field}" is no key with which a log of kind ${kind} signs`);
}

async function readOrRefuse(file: string, read: ReadFile): Promise<Uint8Array> {
  try {
    return await read(file);
  } catch (cause) {
    // by TUF: it cannot be had, which is not to say that it is wrong
    if (cause instanceof AppError) throw cause;
    const code = systemCode(cause) ?? 'it cannot be read';
    throw invalid(file, code, cause);
  }
}

function invalid(file: string, why: string, cause?: unknown): AppError {
  const todo = 'name the trusted_root.json or the public key that the log publishes';
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot trust a log by ${quote(file)}: ${why}; ${todo}`,
    cause,
  });
}
