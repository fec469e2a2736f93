import { sign } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { SignedStatement } from '../../ledger/evidence.ts';
import type { Logger } from '../../observe/log.ts';
import type { Clock, StatementSigner } from '../../protocol/ports.ts';
import { makeCertificateHolder, type Certified } from './certificate-holder.ts';
import { makeFulcio } from './fulcio.ts';
import { makeServiceCall } from './service-call.ts';
import { signerAway } from './signer-error.ts';
import { parseSigningCertificate, type SigningCertificate } from './signing-certificate.ts';
import { makeTimestampAuthority, type Timestamp } from './timestamp-authority.ts';
import { makeIdentityToken, type TokenSource } from './token-sources.ts';

/** Whom Fulcio certifies for our token. */
export interface SignerIdentity {
  /** Subject alternative name of the certificate. */
  readonly san: string;
  /** URL of the token's issuer. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Where the token came from, for people. */
  readonly tokenSource: string;
}

export interface KeylessSigner extends StatementSigner {
  /** Of the certificate in use; a new one where there is none. Signs no statement. Throws as `sign`. */
  identity(signal: AbortSignal): Promise<SignerIdentity>;
}

export interface KeylessSignerOptions {
  readonly fulcioUrl: string;
  readonly token: TokenSource;
  /** Whose certificates sign, both exact; absent: whomever the token is for. */
  readonly pinned?: { readonly identity: string; readonly issuer: string };
  /** RFC 3161 timestamp authority, where the log gives no time. */
  readonly tsaUrl?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dispatcher?: Dispatcher;
  /** For one exchange with any of the services. */
  readonly timeLimitMs?: number;
}

/**
 * A signer without a key to keep: an ephemeral P-256 key for each certificate of Fulcio's, which lives for minutes.
 * Throws CONFIG_INVALID; its methods throw SIGNER_UNAVAILABLE, IDENTITY_MISMATCH, DEADLINE_EXCEEDED.
 */
export function makeKeylessSigner(options: KeylessSignerOptions): KeylessSigner {
  const { fulcioUrl, tsaUrl, pinned, clock, logger } = options;
  const call = makeServiceCall(options);
  const token = makeIdentityToken(options.token, call);
  const certificates = makeCertificateHolder({
    fulcio: makeFulcio({ url: fulcioUrl, token, call, clock }),
    accept: (certificate) => requireIdentity(certificate, pinned),
    clock,
    logger,
  });
  const authority = tsaUrl === undefined ? undefined : makeTimestampAuthority({ url: tsaUrl, call });

  async function signOnce(statement: string, signal: AbortSignal): Promise<Dated> {
    const certified = await certificates.current(signal);
    const signed = signWith(certified, statement);
    if (authority === undefined) return { signed, certified };
    const timestamp = await authority.timestamp(signed.signature, signal);
    return { signed: { ...signed, timestamp: timestamp.der }, certified, timestamp };
  }

  return {
    deterministic: false,
    async sign(statement, signal) {
      const first = await signOnce(statement, signal);
      if (isInTime(first)) return first.signed;
      // this machine's clock was wrong about the certificate's end
      certificates.drop(first.certified);
      const second = await signOnce(statement, signal);
      if (isInTime(second)) return second.signed;
      throw outOfTime(second);
    },
    isFresh({ verifier, timestamp }) {
      if (verifier.kind === 'publicKey' || timestamp !== undefined) return true;
      return certificates.isUsable(certificateIn(verifier.der));
    },
    async identity(signal) {
      const { identity: san, issuer, notBefore, notAfter } = (await certificates.current(signal)).certificate;
      return { san, issuer, notBefore, notAfter, tokenSource: token.source };
    },
  };
}

interface Dated {
  readonly signed: SignedStatement;
  readonly certified: Certified;
  readonly timestamp?: Timestamp;
}

function signWith({ certificate, privateKey }: Certified, statement: string): SignedStatement {
  const signature = sign('sha256', Buffer.from(statement, 'utf8'), privateKey).toString('base64');
  return { statement, signature, verifier: { kind: 'certificate', der: certificate.der } };
}

function isInTime({ timestamp, certified: { certificate } }: Dated): boolean {
  if (timestamp === undefined) return true;
  return certificate.notBefore <= timestamp.time && timestamp.time <= certificate.notAfter;
}

function outOfTime({ timestamp, certified: { certificate } }: Dated): AppError {
  const [at, from, to] = [timestamp?.time ?? 0, certificate.notBefore, certificate.notAfter].map((time) =>
    new Date(time).toISOString(),
  );
  return signerAway(
    `cannot sign: the timestamp authority says ${at}, and Fulcio's new certificate is valid from ${from} to ${to}; set the clocks of both right`,
  );
}

function certificateIn(der: string): SigningCertificate {
  try {
    return parseSigningCertificate(Buffer.from(der, 'base64'));
  } catch (cause) {
    const message =
      'cannot accept the record: its certificate cannot be read; restore the record, or have it made anew';
    throw new AppError({ code: 'RECORD_INVALID', message, cause });
  }
}

function requireIdentity(
  { identity, issuer }: SigningCertificate,
  pinned: KeylessSignerOptions['pinned'],
): void {
  if (pinned === undefined || (pinned.identity === identity && pinned.issuer === issuer)) return;
  const expected = `${quote(pinned.identity)} of issuer ${quote(pinned.issuer)}`;
  const found = `${quote(identity)} of issuer ${quote(issuer)}`;
  throw new AppError({
    code: 'IDENTITY_MISMATCH',
    message: `cannot sign as ${expected}: the token is for ${found}; correct signer.identity and signer.issuer, or the token`,
  });
}
