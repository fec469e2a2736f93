import { createPublicKey } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { PublicMap } from '../../kube/public-map.ts';
import { isScope } from '../../ledger/claim-id.ts';
import { parsePolicy } from '../../policy/parse-policy.ts';
import type { Policy } from '../../policy/policy.ts';
import { parseBoundedJson } from '../../rekor/bounded-json.ts';
import { readSigstoreTrust, validity } from '../../rekor/sigstore-trust.ts';
import type { LogTrust } from '../../rekor/trusted-root.ts';
import type { EvidenceTrust } from '../../rekor/verify-bundle.ts';
import { PUBLIC_FILES } from './published.ts';

/** What an installation tells of itself. */
export interface Published {
  readonly version: string;
  readonly scope: string;
  readonly privacy: 'auto' | 'plain' | 'blinded';
  readonly log: { readonly kind: string; readonly url: string; readonly origin: string };
  readonly evidence: EvidenceTrust;
  readonly plainHttp: readonly string[];
  /** Rules of its config; the TagPolicies are beside it. */
  readonly policy: Policy;
}

const LIMITS = { maxBytes: 1_048_576, maxDepth: 12 };
const MANY = 1_000;
const text = z.string().check(z.minLength(1), z.maxLength(2_048));
const texts = z.array(text).check(z.maxLength(MANY));

const published = z.object({
  version: text,
  scope: z.string().check(z.refine(isScope)),
  privacy: z.enum(['auto', 'plain', 'blinded']),
  log: z.object({ kind: z.enum(['rekor-v1', 'rekor-v2', 'embedded']), url: text, origin: text }),
  logs: z
    .array(z.object({ origin: text, spki: text.check(z.refine(isSpki)), validFor: z.optional(validity) }))
    .check(z.minLength(1), z.maxLength(MANY)),
  keys: texts,
  identities: z.array(z.object({ identity: text, issuer: text })).check(z.maxLength(MANY)),
  registries: z.object({ plainHttp: texts }),
  policies: z.unknown(),
});

/** Throws TRUST_ROOT_INVALID that names the ConfigMap and its field, POLICY_INVALID. */
export function parsePublished(map: PublicMap): Published {
  const { data, error } = z.safeParse(published, jsonOf(map, PUBLIC_FILES.facts));
  if (data === undefined) {
    const path = error.issues[0]?.path ?? [];
    const field = quote(path.map(String).join('.'));
    throw unusable(map, `field ${field} of ${PUBLIC_FILES.facts} is missing or wrong`, error);
  }
  const { version, scope, privacy, log, registries, policies } = data;
  return {
    version,
    scope,
    privacy,
    log,
    evidence: evidenceOf(data, map),
    plainHttp: registries.plainHttp,
    policy: parsePolicy(policies),
  };
}

function evidenceOf(
  { log, logs, keys, identities }: z.infer<typeof published>,
  map: PublicMap,
): EvidenceTrust {
  const { kind } = log;
  const [first, ...others] = logs.map(({ validFor, ...trusted }): LogTrust => ({
    kind,
    ...trusted,
    ...(validFor && { validFor }),
  }));
  if (first === undefined) throw unusable(map, 'it names no log');
  const root = map.data[PUBLIC_FILES.trustedRoot];
  if (root === undefined) throw unusable(map, `it has no ${PUBLIC_FILES.trustedRoot}`);
  const source = `ConfigMap ${map.namespace}/${map.name}`;
  return {
    keys,
    identities: identities.map(({ identity, issuer }) => ({ san: identity, issuer })),
    logs: [first, ...others],
    sigstore: readSigstoreTrust(Buffer.from(root), source),
  };
}

function jsonOf(map: PublicMap, file: string): unknown {
  const found = map.data[file];
  if (found === undefined) throw unusable(map, `it has no ${file}`);
  try {
    return parseBoundedJson(Buffer.from(found), LIMITS);
  } catch (cause) {
    throw unusable(map, `${file} is no JSON`, cause);
  }
}

function isSpki(base64: string): boolean {
  try {
    createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

function unusable({ namespace, name }: PublicMap, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot trust by the ConfigMap ${quote(`${namespace}/${name}`)}: ${why}; Tagseal's controller writes it: see that one of this version runs`,
    cause,
  });
}
