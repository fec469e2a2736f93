/** What a verifier needs beside statement and signature to know who signed. */
export type SignatureVerifier =
  | { readonly kind: 'publicKey'; /** SubjectPublicKeyInfo, DER in base64. */ readonly spki: string }
  | { readonly kind: 'certificate'; /** X.509 leaf, DER in base64. */ readonly der: string };

/** A statement and its signature; not yet, or not provably, in a log. */
export interface SignedStatement {
  /** The exact statement, RFC 8785 canonical JSON; the signature is over its UTF-8 bytes. */
  readonly statement: string;
  /** ECDSA P-256 with SHA-256, DER in base64. */
  readonly signature: string;
  readonly verifier: SignatureVerifier;
  /**
   * RFC 3161 TimeStampResp over the signature's bytes, DER in base64: when it was made, where neither key nor log tells.
   * Taken when signing and never part of a log entry.
   */
  readonly timestamp?: string;
}

/** A Sigstore bundle v0.3 in its JSON form; foreign data until an EvidenceVerifier has accepted it. */
export type SerializedBundle = Readonly<Record<string, unknown>>;

export interface LoggedStatement extends SignedStatement {
  readonly bundle: SerializedBundle;
}

/** What a verified bundle says about the entry in the log. */
export interface VerifiedEntry {
  /** Index in the log's tree (v1: the virtual index over all shards). */
  readonly logIndex: number;
  /** The log ID, base64, as in the trust root. */
  readonly logId: string;
  /** v1: UUID of 80 hex digits (tree ID, leaf hash); v2: the leaf hash, 64 hex digits. */
  readonly uuid: string;
  /** Seconds since the epoch, signed by the log or a timestamp authority; absent where neither vouches for a time. */
  readonly integratedTime?: number;
  /** The signed note of the checkpoint that its proof leads to. */
  readonly checkpoint: string;
}
