import { AppError } from '../errors/app-error.ts';
import type { AcceptedSigners, SignerTrust } from './accepted-signers.ts';
import { pemContent, type LogKind } from './entry.ts';
import { readLeaf } from './own-leaf.ts';

const HEADER = '-----BEGIN CERTIFICATE-----\n';
/** The header but its line feed: 27 bytes, so its base64 does not depend on what follows. */
const HEADER_IN_BASE64 = Buffer.from(HEADER.trimEnd(), 'latin1').toString('base64');
const QUOTE = 0x22;
const DASH = 0x2d;

/** Whether a body may be ours; true is to be looked into. */
type Prefilter = (body: Buffer) => boolean;

/**
 * The digest (hex SHA-256) of the statement in a canonicalized log body that carries a key of ours, or a certificate
 * that was issued to us. A log is mostly other people's entries, so those are passed over without parsing them.
 */
export function makeCandidateFinder(
  kind: LogKind,
  trust: SignerTrust,
  signers: AcceptedSigners,
): (body: Uint8Array) => string | undefined {
  const filters = [keyFilter(kind, trust.keys), identityFilter(kind, trust)];
  return (body) => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (!filters.some((mayBeOurs) => mayBeOurs(bytes))) return undefined;
    const parts = readLeaf(kind, body);
    try {
      if (parts === undefined) return undefined;
      signers.signerOf(parts.verifier);
      return Buffer.from(parts.digest, 'base64').toString('hex');
    } catch (error) {
      // a stranger, who can put our name into a certificate of his own
      if (error instanceof AppError) return undefined;
      throw error;
    }
  };
}

function keyFilter(kind: LogKind, spkis: readonly string[]): Prefilter {
  const needles = spkis.map((spki) => Buffer.from(kind === 'rekor-v1' ? pemContent(spki) : spki, 'latin1'));
  return (body) => needles.some((needle) => body.includes(needle));
}

function identityFilter(kind: LogKind, { identities }: SignerTrust): Prefilter {
  const names = identities.map(({ san }) => Buffer.from(san, 'utf8'));
  if (names.length === 0) return () => false;
  if (kind === 'rekor-v1') {
    return (body) => {
      const der = certificateInV1(body);
      return der !== undefined && names.some((name) => der.includes(name));
    };
  }
  const needles = names.flatMap(inBase64);
  return (body) => needles.some((needle) => body.includes(needle));
}

/** The DER in the PEM in the base64 of a v1 body: lines break it where one cannot know, so it has to be decoded. */
function certificateInV1(body: Buffer): Buffer | undefined {
  const start = body.indexOf(HEADER_IN_BASE64, 0, 'latin1');
  if (start < 0) return undefined;
  const end = body.indexOf(QUOTE, start);
  const pem = Buffer.from(body.toString('latin1', start, end < 0 ? body.length : end), 'base64');
  // Buffer takes a dash for a digit of base64url
  const footer = pem.indexOf(DASH, HEADER.length);
  return Buffer.from(pem.toString('latin1', HEADER.length, footer < 0 ? pem.length : footer), 'base64');
}

/** How bytes look inside a longer base64 text: one way for each place modulo three, less the digits at both ends. */
export function inBase64(bytes: Uint8Array): readonly Buffer[] {
  return [0, 1, 2].map((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const from = before === 0 ? 0 : before + 1;
    const isWhole = (before + bytes.length) % 3 === 0;
    return Buffer.from(digits.slice(from, isWhole ? undefined : -1), 'latin1');
  });
}
