import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { readCertificate } from '../../../../src/rekor/verify/certificate.ts';
import { parseGeneralizedTime } from '../../../../src/rekor/verify/timestamp-token.ts';
import { makeTimestampCheck } from '../../../../src/rekor/verify/timestamp.ts';
import { CODE_SIGNING, NOW, TIME_STAMPING } from '../../../support/fake-ca.ts';
import { makeFakeTsa, type StampWish } from '../../../support/fake-tsa.ts';
import { tlv } from '../../../support/fake-timestamps.ts';

const SIGNATURE = Buffer.from('a signature').toString('base64');
const SHA512 = tlv(0x06, Buffer.from('608648016503040203', 'hex'));
const tsa = await makeFakeTsa();
const other = await makeFakeTsa();
const check = makeTimestampCheck([other.authority, tsa.authority]);
const [signer, ...issuers] = tsa.authority.certChain.certificates.map(({ rawBytes }) =>
  Buffer.from(rawBytes, 'base64'),
);

describe('a timestamp', () => {
  it('says when the signature was made', () => {
    expect(check(tsa.stamp(SIGNATURE), SIGNATURE)).toBe(NOW);
  });

  it.each(['20260921141320.1Z', '20260921141320.123Z', '20260921141320.123456789Z'])(
    'may say it in a fraction of a second, as RFC 3161 allows: %s',
    (written) => {
      expect(Math.floor(check(tsa.stamp(SIGNATURE, { written }), SIGNATURE) / 1_000)).toBe(NOW / 1_000);
    },
  );

  it('may bring no certificate, or those of its authority', () => {
    expect(check(tsa.stamp(SIGNATURE, { embedded: [] }), SIGNATURE)).toBe(NOW);
    expect(check(tsa.stamp(SIGNATURE, { embedded: [signer ?? issuers, ...issuers].flat() }), SIGNATURE)).toBe(
      NOW,
    );
  });

  it.each<[string, StampWish]>([
    ['was not granted', { status: 2 }],
    ['was granted with changes', { status: 1 }],
    ['brings words that nobody signed', { statusText: 'trust me' }],
    ['nobody signed', { signers: 0 }],
    ['two have signed', { signers: 2 }],
    ['another certificate has signed', { serialNumber: Buffer.of(1) }],
    ['is of another type', { contentType: tlv(0x06, Buffer.from('2a03', 'hex')) }],
    ['hashes to something else', { digest: Buffer.alloc(32) }],
    ['brings attributes that nobody signed', { unsigned: tlv(0xa1, Buffer.of(5, 0)) }],
    ['lists another hash than its signer used', { listedHash: SHA512 }],
    ['brings the certificate of a stranger', { embedded: [certificateOf(other.authority)] }],
    [
      'brings a certificate twice',
      { embedded: [certificateOf(tsa.authority), certificateOf(tsa.authority)] },
    ],
    ['is older than its authority', { time: Date.UTC(2020, 11, 31) }],
    ['is younger than its authority', { time: Date.UTC(2039, 5, 1) }],
    ['says no time', { written: '20260921Z' }],
    ['says its time in zeros that DER does not write', { written: '20260921141320.10Z' }],
    ['says its time in another zone', { written: '20260921141320+0200' }],
  ])('is refused when it %s', (_, wish) => {
    expect(() => check(tsa.stamp(SIGNATURE, wish), SIGNATURE)).toThrow(TypeError);
  });

  it('is refused when it is over another signature, or of nobody who is trusted', () => {
    expect(() => check(tsa.stamp(SIGNATURE), 'AAAA')).toThrow('over something else');
    expect(() => makeTimestampCheck([other.authority])(tsa.stamp(SIGNATURE), SIGNATURE)).toThrow(TypeError);
    expect(() => makeTimestampCheck([])(tsa.stamp(SIGNATURE), SIGNATURE)).toThrow(TypeError);
  });

  it('is refused in the time in which its authority does not count', () => {
    for (const validFor of [{ end: '2026-01-01T00:00:00Z' }, { start: '2030-01-01T00:00:00Z' }]) {
      const limited = makeTimestampCheck([{ ...tsa.authority, validFor }]);
      expect(() => limited(tsa.stamp(SIGNATURE), SIGNATURE)).toThrow(TypeError);
    }
  });

  it.each([
    ['for something else', { purposes: [CODE_SIGNING] }],
    ['for something else as well', { purposes: [TIME_STAMPING, CODE_SIGNING] }],
    ['for nothing it names', { purposes: [] }],
    [
      'not critically for it',
      { purposes: [], extra: [new x509.ExtendedKeyUsageExtension([TIME_STAMPING], false)] },
    ],
  ])('is refused when the certificate that signs it is %s', async (_, wish) => {
    const bad = await makeFakeTsa(wish);
    expect(() => makeTimestampCheck([bad.authority])(bad.stamp(SIGNATURE), SIGNATURE)).toThrow(TypeError);
  });

  it('is refused with a bit of any byte of it changed', () => {
    const good = Buffer.from(tsa.stamp(SIGNATURE), 'base64');
    const version = good.indexOf(Buffer.of(0x02, 0x01, 0x03));
    const otherVersion = Buffer.from(good).fill(1, version + 2, version + 3);
    for (let at = 0; at < good.length; at += 1) {
      const changed = Buffer.from(good);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      // 3 and 1 are both written for the version of the container, and mean the same
      if (changed.equals(otherVersion)) continue;
      expect(() => check(changed.toString('base64'), SIGNATURE)).toThrow();
    }
  });
});

describe('parseGeneralizedTime', () => {
  it.each([
    ['20260921141320Z', NOW],
    ['20260921141320.5Z', NOW + 500],
    ['20260921141320.0004Z', NOW],
  ])('reads %s', (text, expected) => {
    expect(parseGeneralizedTime(text)).toBe(expected);
  });

  it.each([
    '',
    '20261321133320Z',
    '20260921253320Z',
    '20260921243320Z',
    '2026092113332Z',
    '20260921141320.Z',
    '20260230000000Z',
  ])('refuses %j', (text) => {
    expect(() => parseGeneralizedTime(text)).toThrow(TypeError);
  });
});

describe('readCertificate', () => {
  it.each([
    ['nothing', ''],
    ['junk', 'AAAA'],
    ['another spelling of base64', `${signer?.toString('base64') ?? ''}\n`],
    ['something behind it', Buffer.concat([signer ?? Buffer.alloc(0), Buffer.of(5, 0)]).toString('base64')],
    ['too much', Buffer.alloc(20_000).toString('base64')],
  ])('refuses %s', (_, base64) => {
    expect(() => readCertificate(base64)).toThrow();
  });
});

function certificateOf({ certChain }: typeof tsa.authority): Buffer {
  return Buffer.from(certChain.certificates[0]?.rawBytes ?? '', 'base64');
}
