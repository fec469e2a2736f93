import * as z from 'zod/mini';

/** A hash path has one hash for each doubling of the tree; 64 is beyond every tree. */
const MAX_PROOF_HASHES = 64;
/** In base64: far above a signature with a certificate. */
export const MAX_BODY_LENGTH = 32_768;
const MAX_CHECKPOINT_LENGTH = 16_384;

const count = z.pipe(
  z.string().check(z.regex(/^(0|[1-9][0-9]{0,15})$/)),
  z.transform((digits) => Number(digits)),
);
const safeCount = count.check(z.refine((value) => Number.isSafeInteger(value)));
const hash = base64(44).check(z.length(44));

const protoEntry = z.strictObject({
  logIndex: z._default(safeCount, 0),
  logId: z.strictObject({ keyId: hash }),
  kindVersion: z.strictObject({ kind: z.literal('hashedrekord'), version: z.enum(['0.0.1', '0.0.2']) }),
  integratedTime: z._default(safeCount, 0),
  inclusionPromise: z.optional(z.nullable(z.strictObject({ signedEntryTimestamp: base64(1_024) }))),
  inclusionProof: z.strictObject({
    logIndex: z._default(safeCount, 0),
    rootHash: hash,
    treeSize: safeCount,
    hashes: z._default(z.array(hash).check(z.maxLength(MAX_PROOF_HASHES)), []),
    checkpoint: z.strictObject({ envelope: z.string().check(z.maxLength(MAX_CHECKPOINT_LENGTH)) }),
  }),
  canonicalizedBody: base64(MAX_BODY_LENGTH),
});

/** An entry with its proof, as a log or a bundle tells it; bytes are base64. */
export interface LogEntry {
  readonly logIndex: number;
  readonly logId: string;
  readonly version: '0.0.1' | '0.0.2';
  /** Seconds since the epoch; 0 when the log vouches for no time (v2). */
  readonly integratedTime: number;
  /** v1 only: the log's signature over body, time, log ID and index (SET). */
  readonly signedEntryTimestamp?: string;
  readonly proof: {
    readonly index: number;
    readonly treeSize: number;
    readonly rootHash: string;
    readonly hashes: readonly string[];
    readonly checkpoint: string;
  };
  readonly body: string;
}

/** Base64 of RFC 4648 section 4 in its one canonical spelling, at most `max` characters long. */
function base64(max: number) {
  return z.string().check(
    z.minLength(1),
    z.maxLength(max),
    z.refine((text) => Buffer.from(text, 'base64').toString('base64') === text),
  );
}

/** TransparencyLogEntry in protojson (protobuf-specs, sigstore_rekor.proto). Throws ZodError. */
export function parseLogEntry(json: unknown): LogEntry {
  const raw = z.parse(protoEntry, json);
  const promise = raw.inclusionPromise?.signedEntryTimestamp;
  return {
    logIndex: raw.logIndex,
    logId: raw.logId.keyId,
    version: raw.kindVersion.version,
    integratedTime: raw.integratedTime,
    ...(promise === undefined ? {} : { signedEntryTimestamp: promise }),
    proof: {
      index: raw.inclusionProof.logIndex,
      treeSize: raw.inclusionProof.treeSize,
      rootHash: raw.inclusionProof.rootHash,
      hashes: raw.inclusionProof.hashes,
      checkpoint: raw.inclusionProof.checkpoint.envelope,
    },
    body: raw.canonicalizedBody,
  };
}

/** The entry as TransparencyLogEntry protojson. */
export function printLogEntry(entry: LogEntry): Readonly<Record<string, unknown>> {
  const promise = entry.signedEntryTimestamp;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: entry.logId },
    kindVersion: { kind: 'hashedrekord', version: entry.version },
    integratedTime: String(entry.integratedTime),
    ...(promise === undefined ? {} : { inclusionPromise: { signedEntryTimestamp: promise } }),
    inclusionProof: {
      logIndex: String(entry.proof.index),
      rootHash: entry.proof.rootHash,
      treeSize: String(entry.proof.treeSize),
      hashes: entry.proof.hashes,
      checkpoint: { envelope: entry.proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}
