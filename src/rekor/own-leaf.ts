import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import type { SignatureVerifier, SignedStatement } from '../ledger/evidence.ts';
import type { AcceptedSigners } from './accepted-signers.ts';
import { entryBody, type EntryParts, type LogKind } from './entry.ts';

const holder = z.object({ rawBytes: z.string() });
const leafV2 = z.object({
  spec: z.object({
    hashedRekordV002: z.object({
      data: z.object({ digest: z.string() }),
      signature: z.object({
        content: z.string(),
        verifier: z.union([z.object({ publicKey: holder }), z.object({ x509Certificate: holder })]),
      }),
    }),
  }),
});
const leafV1 = z.object({
  spec: z.object({
    data: z.object({ hash: z.object({ value: z.string() }) }),
    signature: z.object({ content: z.string(), publicKey: z.object({ content: z.string() }) }),
  }),
});
const PEM = /^-----BEGIN (PUBLIC KEY|CERTIFICATE)-----\n([A-Za-z0-9+/=\n]+)\n-----END \1-----\n$/;

/** The parts of a canonicalized log body, if it is byte for byte the one that they make; nothing is verified. */
export function readLeaf(kind: LogKind, body: Uint8Array): EntryParts | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    const parts = kind === 'rekor-v1' ? partsV1(json) : partsV2(json);
    return parts !== undefined && Buffer.compare(entryBody(kind, parts), body) === 0 ? parts : undefined;
  } catch {
    // other entry types and garbage are no leaves of ours
    return undefined;
  }
}

/**
 * The signed statement that a canonicalized log body is made of, if it is over this very statement and its signature is
 * ours; by a certificate, valid when that was issued. A body that only carries our key is not ours: anybody can log that.
 */
export function readOwnLeaf(
  { kind, signers }: { readonly kind: LogKind; readonly signers: AcceptedSigners },
  statement: string,
  body: Uint8Array,
): SignedStatement | undefined {
  const parts = readLeaf(kind, body);
  if (parts?.digest !== createHash('sha256').update(statement, 'utf8').digest('base64')) return undefined;
  const signed = { statement, signature: parts.signature, verifier: parts.verifier };
  try {
    const { certified } = signers.verifySignature(signed);
    return certified?.isValidAt(certified.notBefore) === false ? undefined : signed;
  } catch (error) {
    // refused by name: by a stranger, or not signed at all
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function partsV2(json: unknown): EntryParts | undefined {
  const leaf = z.safeParse(leafV2, json).data?.spec.hashedRekordV002;
  if (leaf === undefined) return undefined;
  const { data, signature } = leaf;
  const verifier: SignatureVerifier =
    'publicKey' in signature.verifier
      ? { kind: 'publicKey', spki: signature.verifier.publicKey.rawBytes }
      : { kind: 'certificate', der: signature.verifier.x509Certificate.rawBytes };
  return { digest: data.digest, signature: signature.content, verifier };
}

function partsV1(json: unknown): EntryParts | undefined {
  const leaf = z.safeParse(leafV1, json).data?.spec;
  if (leaf === undefined) return undefined;
  const pem = Buffer.from(leaf.signature.publicKey.content, 'base64').toString('latin1');
  const [, label, lines] = PEM.exec(pem) ?? [];
  if (lines === undefined) return undefined;
  const base64 = lines.replaceAll('\n', '');
  const verifier: SignatureVerifier =
    label === 'CERTIFICATE' ? { kind: 'certificate', der: base64 } : { kind: 'publicKey', spki: base64 };
  const digest = Buffer.from(leaf.data.hash.value, 'hex').toString('base64');
  return { digest, signature: leaf.signature.content, verifier };
}
