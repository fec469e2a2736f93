import * as z from 'zod/mini';
import type { AcceptedKeys } from './accepted-keys.ts';
import { entryBody, pemContent, type EntryParts, type LogKind } from './entry.ts';
import { verifiesDigest } from './p256.ts';

const leafV2 = z.object({
  spec: z.object({
    hashedRekordV002: z.object({
      data: z.object({ digest: z.string() }),
      signature: z.object({
        content: z.string(),
        verifier: z.object({ publicKey: z.object({ rawBytes: z.string() }) }),
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

/** Finds our keys in bodies as the log writes them, without parsing: a log is mostly other people's entries. */
export function makeKeyFinder(kind: LogKind, spkis: readonly string[]): (body: Uint8Array) => boolean {
  const needles = spkis.map((spki) => Buffer.from(kind === 'rekor-v1' ? pemContent(spki) : spki, 'utf8'));
  return (body) => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return needles.some((needle) => bytes.includes(needle));
  };
}

/**
 * Which statement a canonicalized log body binds, if its signature is by one of our keys; hex SHA-256. A body that only
 * carries our key is not ours: anybody can log that.
 */
export function readOwnLeaf(
  kind: LogKind,
  keys: AcceptedKeys,
  body: Uint8Array,
): { readonly statementDigest: string } | undefined {
  const parts = kind === 'rekor-v1' ? partsV1(keys, parse(body)) : partsV2(parse(body));
  const key = parts?.verifier.kind === 'publicKey' ? keys.bySpki.get(parts.verifier.spki) : undefined;
  if (parts === undefined || key === undefined) return undefined;
  const digest = Buffer.from(parts.digest, 'base64');
  try {
    if (Buffer.compare(entryBody(kind, parts), body) !== 0 || !verifiesDigest(key, digest, parts.signature))
      return undefined;
  } catch {
    // a signature that cannot even be decoded is not by us
    return undefined;
  }
  return { statementDigest: digest.toString('hex') };
}

function partsV2(json: unknown): EntryParts | undefined {
  const leaf = z.safeParse(leafV2, json).data?.spec.hashedRekordV002;
  if (leaf === undefined) return undefined;
  const verifier = { kind: 'publicKey', spki: leaf.signature.verifier.publicKey.rawBytes } as const;
  return { digest: leaf.data.digest, signature: leaf.signature.content, verifier };
}

function partsV1(keys: AcceptedKeys, json: unknown): EntryParts | undefined {
  const leaf = z.safeParse(leafV1, json).data?.spec;
  if (leaf === undefined) return undefined;
  const pem = Buffer.from(leaf.signature.publicKey.content, 'base64').toString('utf8');
  const spki = [...keys.bySpki.keys()].find((each) => pem.replaceAll(/-----[A-Z ]+-----|\n/g, '') === each);
  if (spki === undefined) return undefined;
  const digest = Buffer.from(leaf.data.hash.value, 'hex').toString('base64');
  return { digest, signature: leaf.signature.content, verifier: { kind: 'publicKey', spki } };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    // other entry types and garbage are no leaves of ours
    return undefined;
  }
}
