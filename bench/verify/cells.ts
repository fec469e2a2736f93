// Records of one signer in one log on paper, each with an entry, a proof and a checkpoint of its own.
import { createPublicKey } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { LoggedStatement } from '../../src/ledger/evidence.ts';
import { trustedRootFor } from '../../src/rekor/trusted-root.ts';
import type { EvidenceTrust } from '../../src/rekor/verify-bundle.ts';
import { ISSUER, SAN } from '../../test/support/fake-ca.ts';
import {
  certify,
  keylessTrust,
  makePaperSigstore,
  signWith,
  stamped,
} from '../../test/support/keyless-evidence.ts';
import { loggedIn, makePaperLog } from '../../test/support/sample-evidence.ts';
import { makeTestSigner, NEVER } from '../../test/support/test-signer.ts';

export interface Cell {
  readonly name: string;
  readonly trust: EvidenceTrust;
  readonly records: readonly LoggedStatement[];
}

export type LogKind = 'rekor-v1' | 'rekor-v2';

export async function keyCell(kind: LogKind, count: number): Promise<Cell> {
  const log = makePaperLog(kind);
  const signer = makeTestSigner();
  const records: LoggedStatement[] = [];
  for (let i = 0; i < count; i += 1) records.push(loggedIn(log, await signer.sign(statement(i), NEVER)));
  return { name: `key, ${kind}`, trust: { keys: [signer.spki], identities: [], logs: [log.trust] }, records };
}

/** With a certificate for every so many records, as a signer that gets a new one every few minutes. */
export async function keylessCell(kind: LogKind, count: number, perCertificate: number): Promise<Cell> {
  const log = makePaperLog(kind);
  const sigstore = await makePaperSigstore();
  let issued = await certify(sigstore);
  const records: LoggedStatement[] = [];
  for (let i = 0; i < count; i += 1) {
    if (i % perCertificate === 0) issued = await certify(sigstore);
    const signed = signWith(issued, statement(i));
    records.push(loggedIn(log, kind === 'rekor-v1' ? signed : stamped(sigstore, signed)));
  }
  const name = kind === 'rekor-v1' ? `keyless, ${kind}` : `keyless, ${kind} + timestamp`;
  return { name, trust: keylessTrust(log, sigstore.trust), records };
}

/** @sigstore/verify as it comes, its trust material made once. Throws what that throws. */
export function plainVerifier({ trust }: Cell): (record: LoggedStatement) => void {
  const publicKey = createPublicKey(makeTestSigner().publicKeyPem);
  const root = TrustedRoot.fromJSON(trustedRootFor(trust.logs[0], trust.sigstore));
  const material = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }));
  const isKeyless = trust.identities.length > 0;
  const thresholds = {
    tlogThreshold: 1,
    ctlogThreshold: isKeyless ? 1 : 0,
    timestampThreshold: isKeyless ? 1 : 0,
  };
  const verifier = new Verifier(material, thresholds);
  const subjectAlternativeName = `^${SAN.replaceAll(/[^a-zA-Z0-9]/g, (c) => `\\${c}`)}$`;
  const policy = { subjectAlternativeName, extensions: { issuer: ISSUER } };
  return ({ bundle, statement: text }) => {
    verifier.verify(
      toSignedEntity(bundleFromJSON(bundle), Buffer.from(text)),
      isKeyless ? policy : undefined,
    );
  };
}

function statement(number: number): string {
  return JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [{ name: `tag-${number}` }] });
}
