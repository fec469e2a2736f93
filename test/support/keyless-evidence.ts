import { sign } from 'node:crypto';
import type { LoggedStatement, SignedStatement } from '../../src/ledger/evidence.ts';
import type { SigstoreTrust } from '../../src/rekor/sigstore-trust.ts';
import type { EvidenceTrust } from '../../src/rekor/verify-bundle.ts';
import {
  ISSUER,
  makeFakeCa,
  makeFakeCtLog,
  SAN,
  type FakeCa,
  type FakeCtLog,
  type Issued,
  type Wish,
} from './fake-ca.ts';
import { makeFakeTsa, type FakeTsa, type StampWish } from './fake-tsa.ts';
import { loggedIn, makePaperLog, type PaperLog } from './sample-evidence.ts';

/** A Sigstore instance on paper. */
export interface PaperSigstore {
  readonly ca: FakeCa;
  readonly tsa: FakeTsa;
  readonly ctlog: FakeCtLog;
  /** Trusts all three. */
  readonly trust: SigstoreTrust;
}

export async function makePaperSigstore(): Promise<PaperSigstore> {
  const [ca, tsa] = await Promise.all([makeFakeCa(), makeFakeTsa()]);
  const ctlog = makeFakeCtLog();
  const trust: SigstoreTrust = {
    certificateAuthorities: [ca.authority],
    timestampAuthorities: [tsa.authority],
    ctlogs: [ctlog.trust],
  };
  return { ca, tsa, ctlog, trust };
}

/** A certificate that is promised to the CT log, unless wished otherwise. */
export function certify({ ca, ctlog }: PaperSigstore, wish: Wish = {}): Promise<Issued> {
  return ca.certify({ promisedTo: [ctlog], ...wish });
}

export function signWith({ der, privateKey }: Issued, statement: string): SignedStatement {
  const signature = sign('sha256', Buffer.from(statement, 'utf8'), privateKey).toString('base64');
  return { statement, signature, verifier: { kind: 'certificate', der } };
}

export function stamped({ tsa }: PaperSigstore, signed: SignedStatement, wish?: StampWish): SignedStatement {
  return { ...signed, timestamp: tsa.stamp(signed.signature, wish) };
}

/** What makes keyless evidence in this log count. */
export function keylessTrust(log: PaperLog, sigstore: SigstoreTrust): EvidenceTrust {
  return { keys: [], identities: [{ san: SAN, issuer: ISSUER }], sigstore, logs: [log.trust] };
}

export interface Cell {
  readonly log: PaperLog;
  readonly trust: EvidenceTrust;
  readonly signed: SignedStatement;
  readonly logged: LoggedStatement;
}

/** Good keyless evidence for a statement; on a log without time it brings a timestamp. */
export async function keylessCell(
  kind: 'rekor-v1' | 'rekor-v2',
  statement = '{"text":"a statement"}',
): Promise<Cell & { readonly sigstore: PaperSigstore }> {
  const sigstore = await makePaperSigstore();
  const log = makePaperLog(kind);
  const plain = signWith(await certify(sigstore), statement);
  const signed = kind === 'rekor-v1' ? plain : stamped(sigstore, plain);
  return { sigstore, log, signed, logged: loggedIn(log, signed), trust: keylessTrust(log, sigstore.trust) };
}
