import { AppError } from '../errors/app-error.ts';
import type {
  LoggedStatement,
  SerializedBundle,
  SignedStatement,
  VerifiedEntry,
} from '../ledger/evidence.ts';
import type { EvidenceVerifier } from '../protocol/ports.ts';
import { makeAcceptedSigners, type AcceptedSigner } from './accepted-signers.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { assembleBundle, entryInBundle } from './bundle.ts';
import { makeCandidateFinder } from './candidates.ts';
import { canonicalJson } from './canonical-json.ts';
import { entryLeafHash } from './entry.ts';
import type { LogEntry } from './log-entry.ts';
import { readOwnLeaf } from './own-leaf.ts';
import { originIn } from './pinned-checkpoint.ts';
import type { SigstoreTrust } from './sigstore-trust.ts';
import { logIdOf, type LogTrust } from './trusted-root.ts';
import { makeEntryCheck, type EntryCheck } from './verify-inclusion.ts';
import type { Identity } from './verify/identity.ts';
import { makeTimestampCheck } from './verify/timestamp.ts';
import { isWithin, windowOf, type Window } from './verify/window.ts';

const BUNDLE_LIMITS = { maxBytes: 65_536, maxDepth: 12 };
const MS_PER_SECOND = 1_000;

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

/**
 * Verifies evidence as DESIGN section 2: offline, and with no clock but the log's and the timestamp authorities' (why
 * not by @sigstore/verify: docs/adr/0007). Throws KEY_INVALID.
 */
export function makeEvidenceVerifier(trust: EvidenceTrust): EvidenceVerifier {
  const signers = makeAcceptedSigners(trust);
  const checkTimestamp = makeTimestampCheck(trust.sigstore?.timestampAuthorities ?? []);
  const { kind } = trust.logs[0];
  const logs = trustedLogs(trust.logs);

  /** Milliseconds since the epoch, if the record brings a timestamp; it must be good, whoever signed. */
  function timestampOf({ timestamp, signature }: SignedStatement): number | undefined {
    return timestamp === undefined ? undefined : checkTimestamp(timestamp, signature);
  }

  function verifySignature(signed: SignedStatement): void {
    const signer = signers.verifySignature(signed);
    const time = timestampOf(signed) ?? signer.certified?.notBefore;
    assertValidAt(signer, time === undefined ? [] : [time]);
  }

  function verify({ bundle, ...signed }: LoggedStatement): VerifiedEntry {
    const signer = signers.verifySignature(signed);
    const copy = copyBundle(bundle);
    const entry = readEntry(copy);
    // nothing may stand in a bundle but what the record and the entry put there
    if (canonicalJson(copy) !== canonicalJson(assembleBundle(signed, entry))) {
      throw recordInvalid('its bundle is not the one of its statement, signature, key and log entry');
    }
    const log = logs.get(logName(entry.logId, originIn(kind, entry.proof.checkpoint)));
    if (log === undefined) throw logUntrusted('it is of a log that is not trusted');
    const verified = log.check(signed, entry);
    const timestamp = timestampOf(signed);
    const times = [...secondsToMs(verified.integratedTime), ...(timestamp === undefined ? [] : [timestamp])];
    if (!log.windows.some((window) => times.every((time) => isWithin(window, time)))) {
      throw logUntrusted('the key of its log did not count at that time');
    }
    assertValidAt(signer, times);
    const integratedTime = verified.integratedTime ?? wholeSeconds(timestamp);
    return { ...verified, ...(integratedTime !== undefined && { integratedTime }) };
  }

  return {
    verifySignature: async (signed) => closed(() => verifySignature(signed)),
    verify: async (logged) => closed(() => verify(logged)),
    leafHash: (signed) => entryLeafHash(kind, signed),
    candidate: makeCandidateFinder(kind, trust, signers),
    own: async (statement, body) => closed(() => readOwnLeaf({ kind, signers }, statement, body)),
  };
}

interface TrustedLog {
  readonly check: EntryCheck;
  /** A trusted root may name one log more than once, with another time each. */
  readonly windows: readonly Window[];
}

/** By log ID and origin: v1 makes its ID of the key alone, which two of its logs may share. */
function trustedLogs(logs: readonly LogTrust[]): ReadonlyMap<string, TrustedLog> {
  const byName = new Map<string, TrustedLog>();
  for (const log of logs) {
    const name = logName(logIdOf(log), log.origin);
    const { check = makeEntryCheck(log), windows = [] } = byName.get(name) ?? {};
    byName.set(name, { check, windows: [...windows, windowOf(log.validFor)] });
  }
  return byName;
}

function logName(logId: string, origin: string): string {
  return `${logId} ${origin}`;
}

/** A certificate lives for minutes, so somebody must have said when it was used; a key needs no time. */
function assertValidAt({ certified }: AcceptedSigner, times: readonly number[]): void {
  if (certified === undefined) return;
  if (times.length === 0) throw recordInvalid('nobody says when its certificate was used');
  if (times.every((time) => certified.isValidAt(time))) return;
  throw recordInvalid('its certificate, or who issued it, was not valid when it was used');
}

function secondsToMs(seconds: number | undefined): readonly number[] {
  return seconds === undefined ? [] : [seconds * MS_PER_SECOND];
}

function wholeSeconds(time: number | undefined): number | undefined {
  return time === undefined ? undefined : Math.floor(time / MS_PER_SECOND);
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

/** Every exception whatever is a failed verification: parsers throw TypeErrors, too, for hostile input. */
function closed<T>(verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw recordInvalid('its evidence cannot be verified', error);
  }
}

function logUntrusted(why: string): AppError {
  const message = `cannot accept the log entry: ${why}; compare the log in the settings with the record`;
  return new AppError({ code: 'LOG_PROOF_INVALID', message });
}

function recordInvalid(why: string, cause?: unknown): AppError {
  const message = `cannot accept the record: ${why}; restore the record, or have it made anew`;
  return new AppError({ code: 'RECORD_INVALID', message, cause });
}
