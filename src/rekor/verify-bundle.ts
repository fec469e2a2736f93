import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify';
import { AppError } from '../errors/app-error.ts';
import type { LoggedStatement, SerializedBundle, VerifiedEntry } from '../ledger/evidence.ts';
import type { EvidenceVerifier } from '../protocol/ports.ts';
import { makeAcceptedKeys, type AcceptedKeys } from './accepted-keys.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { assembleBundle, entryInBundle } from './bundle.ts';
import { canonicalJson } from './canonical-json.ts';
import { entryLeafHash } from './entry.ts';
import type { LogEntry } from './log-entry.ts';
import { makeKeyFinder, readOwnLeaf } from './own-leaf.ts';
import { logIdOf, trustedRootFor, type LogTrust } from './trusted-root.ts';
import type { SigstoreTrust } from './sigstore-trust.ts';
import { verifyLogEntry } from './verify-inclusion.ts';

const BUNDLE_LIMITS = { maxBytes: 65_536, maxDepth: 12 };
/** One log entry; no certificate, hence no SCT; and a key needs no time. */
const THRESHOLDS = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 0 };

/** Whom a certificate is for. */
export interface Identity {
  /** Its one subject alternative name: a URI or an e-mail address. */
  readonly san: string;
  /** URL of the issuer of the token that it was given for. */
  readonly issuer: string;
}

export interface EvidenceTrust {
  /** Public keys whose signatures are ours: SubjectPublicKeyInfo, DER in base64, ECDSA P-256. */
  readonly keys: readonly string[];
  /** Subject and issuer of the certificates whose signatures are ours, both exact. */
  readonly identities: readonly Identity[];
  /** Who may issue those certificates and timestamps; without it neither counts. */
  readonly sigstore?: SigstoreTrust;
  /** The logs whose proofs count, all of one kind: the one in use first, its earlier shards behind it. */
  readonly logs: readonly [LogTrust, ...LogTrust[]];
}

/** Verifies evidence as DESIGN section 2: by @sigstore/verify, and strictly where that is lenient. Throws KEY_INVALID. */
export function makeEvidenceVerifier(trust: EvidenceTrust): EvidenceVerifier {
  const keys = makeAcceptedKeys(trust.keys);
  const { kind } = trust.logs[0];
  const logs = new Map(trust.logs.map((log) => [logIdOf(log), { log, verifier: makeVerifier(log, keys) }]));

  function verify({ bundle, ...signed }: LoggedStatement): VerifiedEntry {
    keys.verifySignature(signed);
    const copy = copyBundle(bundle);
    const entry = readEntry(copy);
    // nothing may stand in a bundle but what the record and the entry put there
    if (canonicalJson(copy) !== canonicalJson(assembleBundle(signed, entry))) {
      throw recordInvalid('its bundle is not the one of its statement, signature, key and log entry');
    }
    const trusted = logs.get(entry.logId);
    if (trusted === undefined) throw new AppError({ code: 'LOG_PROOF_INVALID', message: UNKNOWN_LOG });
    const verified = verifyLogEntry(trusted.log, signed, entry);
    trusted.verifier.verify(toSignedEntity(bundleFromJSON(copy), Buffer.from(signed.statement, 'utf8')));
    return verified;
  }

  return {
    verifySignature: async (signed) => closed(() => keys.verifySignature(signed)),
    verify: async (logged) => closed(() => verify(logged)),
    leafHash: (signed) => entryLeafHash(kind, signed),
    carriesOurKey: makeKeyFinder(kind, trust.keys),
    own: (body) => readOwnLeaf(kind, keys, body),
  };
}

const UNKNOWN_LOG =
  'cannot accept the log entry: it is of a log that is not trusted; compare the log in the settings with the record';

function makeVerifier(log: LogTrust, keys: AcceptedKeys): Verifier {
  const root = TrustedRoot.fromJSON(trustedRootFor(log));
  const material = toTrustMaterial(root, (hint) => {
    const publicKey = keys.byHint(hint);
    if (publicKey === undefined) throw recordInvalid('its bundle names a key that is not ours');
    return { publicKey, validFor: () => true };
  });
  return new Verifier(material, THRESHOLDS);
}

/** A plain copy within limits, so that every check sees the same bytes. */
function copyBundle(bundle: SerializedBundle): SerializedBundle {
  const copy = parseBoundedJson(Buffer.from(JSON.stringify(bundle), 'utf8'), BUNDLE_LIMITS);
  if (typeof copy !== 'object' || copy === null) throw recordInvalid('its bundle is no object');
  return Object.fromEntries(Object.entries(copy));
}

function readEntry(bundle: SerializedBundle): LogEntry {
  try {
    return entryInBundle(bundle);
  } catch (cause) {
    const message =
      'cannot accept the record: its bundle holds no log entry with a proof; restore the record, or have it made anew';
    throw new AppError({ code: 'LOG_ENTRY_INVALID', message, cause });
  }
}

/** Every exception whatever is a failed verification: the libraries throw TypeErrors, too, for hostile input. */
function closed<T>(verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof VerificationError && error.code.startsWith('TLOG')) {
      const message = `cannot accept the log entry: ${error.message}; do not trust this record until it is explained`;
      throw new AppError({ code: 'LOG_PROOF_INVALID', message, cause: error });
    }
    throw recordInvalid('its evidence cannot be verified', error);
  }
}

function recordInvalid(why: string, cause?: unknown): AppError {
  const message = `cannot accept the record: ${why}; restore the record, or have it made anew`;
  return new AppError({ code: 'RECORD_INVALID', message, cause });
}
