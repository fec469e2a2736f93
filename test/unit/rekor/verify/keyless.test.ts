import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import type { LoggedStatement, SignedStatement } from '../../../../src/ledger/evidence.ts';
import type { SigstoreTrust } from '../../../../src/rekor/sigstore-trust.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../../../../src/rekor/verify-bundle.ts';
import {
  extension,
  ISSUER,
  makeFakeCa,
  makeFakeCtLog,
  NOW,
  SAN,
  sctExtension,
  type Wish,
} from '../../../support/fake-ca.ts';
import { tlv } from '../../../support/fake-timestamps.ts';
import { certify, keylessCell, keylessTrust, signWith, stamped } from '../../../support/keyless-evidence.ts';
import { loggedIn } from '../../../support/sample-evidence.ts';
import { makeTestSigner, NEVER } from '../../../support/test-signer.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const STATEMENT = '{"text":"a statement"}';
const v1 = await keylessCell('rekor-v1');
const v2 = await keylessCell('rekor-v2');
const { sigstore } = v1;
const stranger = await makeFakeCa({ name: 'stranger' });
const unflagged = await makeFakeCa({ name: 'unflagged', caFlag: false });
const shallow = await makeFakeCa({ name: 'shallow', rootPathLength: 0 });
const deeper = await makeFakeCa({ name: 'deeper', rootPathLength: 1 });
const server = await makeFakeCa({ name: 'server', purpose: '1.3.6.1.5.5.7.3.1' });

const judge = (trust: EvidenceTrust, logged: LoggedStatement) =>
  codeOf(() => makeEvidenceVerifier(trust).verify(logged));
const withSigstore = (change: Partial<SigstoreTrust>) =>
  keylessTrust(v1.log, { ...sigstore.trust, ...change });

/** The verdict on a record in the v1 log, signed with a certificate as wished. */
async function verdictOn(wish: Wish, trust = v1.trust): Promise<string | undefined> {
  const signed = signWith(await certify(sigstore, wish), STATEMENT);
  return judge(trust, loggedIn(v1.log, signed));
}

describe('verify, by certificate', () => {
  it('accepts evidence on v1 by the time that the log signs', async () => {
    const verified = await makeEvidenceVerifier(v1.trust).verify(v1.logged);
    expect(verified).toMatchObject({ logIndex: 1_001, integratedTime: NOW / 1_000 });
  });

  it('accepts evidence on v2 by the time of a timestamp', async () => {
    const verified = await makeEvidenceVerifier(v2.trust).verify(v2.logged);
    expect(verified).toMatchObject({ logIndex: 1, integratedTime: NOW / 1_000 });
  });

  it('accepts an e-mail address, and the older form of the issuer beside the newer', async () => {
    const identities = [{ san: 'bot@example.com', issuer: ISSUER }];
    const wish = { names: [{ type: 'email', value: 'bot@example.com' }], olderIssuer: ISSUER } as const;
    expect(await verdictOn(wish, { ...v1.trust, identities })).toBeUndefined();
  });

  it('accepts one of several identities, and one of several CAs', async () => {
    const identities = [{ san: 'somebody', issuer: ISSUER }, ...v1.trust.identities];
    const certificateAuthorities = [stranger.authority, sigstore.ca.authority];
    const trust = { ...withSigstore({ certificateAuthorities }), identities };
    expect(await verdictOn({}, trust)).toBeUndefined();
  });

  it('needs no SCT where no CT log is trusted, and takes none that nobody can check', async () => {
    const trust = withSigstore({ ctlogs: [] });
    expect(await verdictOn({ promisedTo: [] }, trust)).toBeUndefined();
    expect(await verdictOn({}, trust)).toBe('IDENTITY_MISMATCH');
  });

  it.each<[string, Wish]>([
    ['another subject', { names: [{ type: 'url', value: `${SAN}2` }] }],
    ['a subject with something before it', { names: [{ type: 'url', value: `x${SAN}` }] }],
    ['a subject cut short', { names: [{ type: 'url', value: SAN.slice(0, -1) }] }],
    ['a subject in other case', { names: [{ type: 'url', value: SAN.replace('tagseal', 'Tagseal') }] }],
    ['a subject that a pattern would match', { names: [{ type: 'url', value: SAN.replace('.', 'x') }] }],
    ['the subject as a DNS name', { names: [{ type: 'dns', value: SAN }] }],
    ['no subject', { names: [] }],
    [
      'two subjects',
      {
        names: [
          { type: 'url', value: SAN },
          { type: 'url', value: `${SAN}2` },
        ],
      },
    ],
    ['another issuer', { issuer: `${ISSUER}.evil` }],
    ['the issuer in the older form only', { issuer: undefined, olderIssuer: ISSUER }],
    ['an older issuer that contradicts', { olderIssuer: `${ISSUER}/` }],
    ['no promise to a CT log', { promisedTo: [] }],
    ['a promise to a strange CT log', { promisedTo: [makeFakeCtLog()] }],
    ['a strange promise beside a good one', { promisedTo: [sigstore.ctlog, makeFakeCtLog()] }],
    ['a list of no promises', { promisedTo: [], extra: [sctExtension([])] }],
    ['a signature over SHA-1', { hash: 'SHA-1' }],
    ['the name of another key of its issuer', { strangeIssuerKey: true }],
    ['another purpose', { purposes: ['1.3.6.1.5.5.7.3.1'] }],
    ['no purpose', { purposes: [] }],
    ['a key on P-384', { curve: 'P-384' }],
    ['the right to issue others', { isCa: true }],
    ['a key that must not sign', { usage: x509.KeyUsageFlags.keyAgreement }],
    ['a critical extension that nobody knows', { extra: [extension('1.2.3.4', tlv(0x05), true)] }],
  ])('refuses a certificate with %s', async (_, wish) => {
    expect(await verdictOn(wish)).toBe('IDENTITY_MISMATCH');
  });

  it.each<[string, Wish]>([
    ['that had ended when the log took the entry', { notBefore: NOW - 600_001 }],
    ['that began after the log took the entry', { notBefore: NOW + 1_000 }],
    ['that lived for no time', { notBefore: NOW + 1_000, lifetimeMs: -2_000 }],
  ])('refuses a certificate %s', async (_, wish) => {
    expect(await verdictOn(wish)).toBe('RECORD_INVALID');
  });

  it('takes the first and the last moment of a certificate', async () => {
    expect(await verdictOn({ notBefore: NOW - 600_000 })).toBeUndefined();
    expect(await verdictOn({ notBefore: NOW })).toBeUndefined();
  });

  it('refuses a pattern for an identity', async () => {
    const identities = [{ san: '.*', issuer: ISSUER }];
    expect(await judge({ ...v1.trust, identities }, v1.logged)).toBe('IDENTITY_MISMATCH');
  });

  it.each([
    ['nobody', undefined],
    ['no CA', { certificateAuthorities: [] }],
    ['another CA', { certificateAuthorities: [stranger.authority] }],
    ['another CT log', { ctlogs: [makeFakeCtLog().trust] }],
    ['a CA whose time was over', { certificateAuthorities: [limited('end', '2026-01-01T00:00:00Z')] }],
    ['a CA whose time was to come', { certificateAuthorities: [limited('start', '2030-01-01T00:00:00Z')] }],
    ['a CA whose certificates are in disorder', { certificateAuthorities: [reversed()] }],
    ['a CT log whose time was over', { ctlogs: [retired()] }],
  ])('refuses everybody who trusts %s', async (_, change) => {
    const { sigstore: all, ...rest } = v1.trust;
    const trust =
      change === undefined ? rest : { ...rest, sigstore: { ...sigstore.trust, ...all, ...change } };
    expect(await judge(trust, v1.logged)).toMatch(/IDENTITY_MISMATCH|RECORD_INVALID/);
  });

  it.each([
    ['of the right subject by a wrong CA', stranger],
    ['whose issuer is no CA', unflagged],
    ['whose issuer is for something else', server],
    ['whose issuer its root does not allow', shallow],
  ])('refuses a certificate %s', async (_, ca) => {
    const trusted = ca === stranger ? sigstore.ca : ca;
    const signed = signWith(await ca.certify(), STATEMENT);
    const trust = withSigstore({ certificateAuthorities: [trusted.authority], ctlogs: [] });
    expect(await judge(trust, loggedIn(v1.log, signed))).toBe('IDENTITY_MISMATCH');
  });

  it('accepts a certificate below a root that allows its issuer', async () => {
    const signed = signWith(await deeper.certify(), STATEMENT);
    const trust = withSigstore({ certificateAuthorities: [deeper.authority], ctlogs: [] });
    expect(await judge(trust, loggedIn(v1.log, signed))).toBeUndefined();
  });

  it('refuses a certificate that the leaf of a trusted CA has issued', async () => {
    const middle = await sigstore.ca.certify({ isCa: true, usage: x509.KeyUsageFlags.keyCertSign });
    const [first, root] = sigstore.ca.authority.certChain.certificates;
    const certChain = { certificates: [{ rawBytes: middle.der }, ...(first && root ? [first, root] : [])] };
    const trust = withSigstore({ certificateAuthorities: [{ certChain }] });
    expect(await judge(trust, v1.logged)).toBe('IDENTITY_MISMATCH');
  });

  it('refuses bytes that are no certificate', async () => {
    const signed = { ...v1.signed, verifier: { kind: 'certificate', der: 'AAAA' } } as const;
    expect(await judge(v1.trust, loggedIn(v1.log, signed))).toBe('RECORD_INVALID');
  });

  it('refuses a log key at a time at which it did not count', async () => {
    const { trust } = v1.log;
    for (const validFor of [{ end: '2026-01-01T00:00:00Z' }, { start: '2030-01-01T00:00:00Z' }]) {
      expect(await judge({ ...v1.trust, logs: [{ ...trust, validFor }] }, v1.logged)).toBe(
        'LOG_PROOF_INVALID',
      );
    }
    const validFor = { start: '2020-01-01T00:00:00Z', end: '2030-01-01T00:00:00Z' };
    expect(await judge({ ...v1.trust, logs: [{ ...trust, validFor }] }, v1.logged)).toBeUndefined();
  });

  it('remembers a certificate, and judges its time for each record anew', async () => {
    const verifier = makeEvidenceVerifier(v2.trust);
    const issued = await certify(v2.sigstore);
    const record = (time: number) => {
      const signed = stamped(v2.sigstore, signWith(issued, STATEMENT), { time });
      return codeOf(() => verifier.verify(loggedIn(v2.log, signed)));
    };
    expect(await record(NOW)).toBeUndefined();
    expect(await record(NOW + 3_600_000)).toBe('RECORD_INVALID');
    expect(await record(NOW + 1_000)).toBeUndefined();
  });
});

describe('verifySignature, by certificate', () => {
  const verifier = makeEvidenceVerifier(v2.trust);
  const { timestamp: _, ...untimed } = v2.signed;

  it('accepts a reservation with a timestamp, and one without at the beginning of its certificate', async () => {
    expect(await codeOf(() => verifier.verifySignature(v2.signed))).toBeUndefined();
    expect(await codeOf(() => verifier.verifySignature(untimed))).toBeUndefined();
  });

  it.each<[string, SignedStatement, string]>([
    ['another statement', { ...v2.signed, statement: '{}' }, 'RECORD_INVALID'],
    ['a timestamp that is none', { ...v2.signed, timestamp: 'AAAA' }, 'RECORD_INVALID'],
    ['a timestamp out of time', stamped(v2.sigstore, untimed, { time: NOW + 3_600_000 }), 'RECORD_INVALID'],
    ['a certificate of somebody else', v1.signed, 'IDENTITY_MISMATCH'],
  ])('refuses %s', async (_, signed, code) => {
    expect(await codeOf(() => verifier.verifySignature(signed))).toBe(code);
  });

  it('refuses a bad timestamp by a key, too, and counts a good one', async () => {
    const signer = makeTestSigner();
    const trust = { ...v2.trust, keys: [signer.spki] };
    const signed = await signer.sign(STATEMENT, NEVER);
    const good = stamped(v2.sigstore, signed, { time: NOW + 86_400_500 });
    const bad = { ...signed, timestamp: v2.signed.timestamp ?? '' };
    expect(await makeEvidenceVerifier(trust).verify(loggedIn(v2.log, good))).toMatchObject({
      integratedTime: NOW / 1_000 + 86_400,
    });
    expect(await judge(trust, loggedIn(v2.log, bad))).toBe('RECORD_INVALID');
    expect(await codeOf(() => makeEvidenceVerifier(trust).verifySignature(bad))).toBe('RECORD_INVALID');
  });
});

function limited(end: 'start' | 'end', time: string) {
  return { ...sigstore.ca.authority, validFor: { [end]: time } };
}

function reversed() {
  const { certificates } = sigstore.ca.authority.certChain;
  return { ...sigstore.ca.authority, certChain: { certificates: certificates.toReversed() } };
}

function retired() {
  const { trust } = sigstore.ctlog;
  return { ...trust, publicKey: { ...trust.publicKey, validFor: { end: '2026-01-01T00:00:00Z' } } };
}
