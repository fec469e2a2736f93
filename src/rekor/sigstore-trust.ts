import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { readCertificate } from './verify/certificate.ts';

const LIMITS = { maxBytes: 1_048_576, maxDepth: 12 };
const MAX_AUTHORITIES = 50;
const MAX_CHAIN = 10;
const MAX_RAW_LENGTH = 16_384;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

const time = z.string().check(
  z.regex(RFC_3339),
  z.refine((text) => !Number.isNaN(Date.parse(text))),
);
export const validity = z.object({ start: z.optional(time), end: z.optional(time) });
/** Base64 in its one canonical spelling. */
const bytes = z.string().check(
  z.minLength(1),
  z.maxLength(MAX_RAW_LENGTH),
  z.refine((text) => Buffer.from(text, 'base64').toString('base64') === text),
);
const name = z.string().check(z.maxLength(1_024));
const authority = z.object({
  subject: z.optional(z.object({ organization: z.optional(name), commonName: z.optional(name) })),
  uri: z.optional(name),
  certChain: z.object({
    certificates: z.array(z.object({ rawBytes: bytes })).check(z.minLength(1), z.maxLength(MAX_CHAIN)),
  }),
  validFor: z.optional(validity),
});
const ctlog = z.object({
  baseUrl: z.optional(name),
  hashAlgorithm: z.optional(name),
  publicKey: z.object({ rawBytes: bytes, keyDetails: name, validFor: z.optional(validity) }),
  logId: z.object({ keyId: bytes }),
});
const authorities = z._default(z.array(authority).check(z.maxLength(MAX_AUTHORITIES)), []);
const sigstoreTrust = z.object({
  mediaType: z
    .string()
    .check(
      z.regex(/^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/),
    ),
  certificateAuthorities: authorities,
  timestampAuthorities: authorities,
  ctlogs: z._default(z.array(ctlog).check(z.maxLength(MAX_AUTHORITIES)), []),
});

/** When a key or an authority counts: RFC 3339, both ends included, open where absent. */
export interface Validity {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

/** A CA or a timestamp authority, as in a trusted root: its certificates (DER in base64) from issuer, or signer, to root. */
export interface TrustedAuthority {
  readonly subject?:
    { readonly organization?: string | undefined; readonly commonName?: string | undefined } | undefined;
  readonly uri?: string | undefined;
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  readonly validFor?: Validity | undefined;
}

/** A certificate transparency log, as in a trusted root. */
export interface TrustedCtLog {
  readonly baseUrl?: string | undefined;
  readonly hashAlgorithm?: string | undefined;
  readonly publicKey: {
    readonly rawBytes: string;
    readonly keyDetails: string;
    readonly validFor?: Validity | undefined;
  };
  readonly logId: { readonly keyId: string };
}

/** Who may certify, timestamp and log certificates: those parts of a Sigstore TrustedRoot, as JSON. */
export interface SigstoreTrust {
  readonly certificateAuthorities: readonly TrustedAuthority[];
  readonly timestampAuthorities: readonly TrustedAuthority[];
  /** Where there is any, every certificate must carry the promise (SCT) of one. */
  readonly ctlogs: readonly TrustedCtLog[];
}

/**
 * The authorities of a Sigstore TrustedRoot v0.1 or v0.2 (protobuf-specs, sigstore_trustroot.proto) in JSON. `source`
 * names it in messages. Throws TRUST_ROOT_INVALID, which names the field.
 */
export function readSigstoreTrust(json: Uint8Array, source: string): SigstoreTrust {
  let value: unknown;
  try {
    value = parseBoundedJson(json, LIMITS);
  } catch (cause) {
    throw invalid(source, 'it is no JSON', cause);
  }
  const { data, error } = z.safeParse(sigstoreTrust, value);
  if (data === undefined) {
    const path = error.issues[0]?.path ?? [];
    throw invalid(source, `its field ${quote(path.map(String).join('.'))} is missing or wrong`, error);
  }
  const { certificateAuthorities, timestampAuthorities, ctlogs } = data;
  for (const [field, list] of Object.entries({ certificateAuthorities, timestampAuthorities })) {
    list.forEach((each, at) => assertCertificates(source, `${field}[${at}]`, each));
  }
  return { certificateAuthorities, timestampAuthorities, ctlogs };
}

function assertCertificates(source: string, field: string, { certChain }: TrustedAuthority): void {
  certChain.certificates.forEach(({ rawBytes }, at) => {
    try {
      readCertificate(rawBytes);
    } catch (cause) {
      throw invalid(source, `its field "${field}.certChain.certificates[${at}]" is no certificate`, cause);
    }
  });
}

function invalid(source: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot trust by ${quote(source)}: ${why}; name a trusted_root.json of Sigstore`,
    cause,
  });
}
