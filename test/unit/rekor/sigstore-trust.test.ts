import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readSigstoreTrust } from '../../../src/rekor/sigstore-trust.ts';
import { trustedRootFor } from '../../../src/rekor/trusted-root.ts';
import { makePaperSigstore } from '../../support/keyless-evidence.ts';
import { makePaperLog } from '../../support/sample-evidence.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { trust } = await makePaperSigstore();
const log = makePaperLog('rekor-v2');
const root = trustedRootFor(log.trust, trust);
const read = (value: unknown) => readSigstoreTrust(Buffer.from(JSON.stringify(value)), 'trusted_root.json');
const [authority] = trust.certificateAuthorities;
const [ctlog] = trust.ctlogs;

describe('readSigstoreTrust', () => {
  it('reads back what is written for cosign', () => {
    expect(read(root)).toEqual(trust);
  });

  it('takes a root without authorities', () => {
    const { mediaType } = root;
    expect(read({ mediaType, tlogs: [] })).toEqual({
      certificateAuthorities: [],
      timestampAuthorities: [],
      ctlogs: [],
    });
  });

  it.each<[string, object]>([
    ['another media type', { mediaType: 'application/json' }],
    ['authorities that are no list', { certificateAuthorities: {} }],
    ['an authority without a chain', { certificateAuthorities: [{}] }],
    ['an authority without a certificate', { timestampAuthorities: [{ certChain: { certificates: [] } }] }],
    [
      'a certificate that is none',
      { certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: 'AAAA' }] } }] },
    ],
    ['a time that is none', { certificateAuthorities: [{ ...authority, validFor: { start: 'yesterday' } }] }],
    ['a time in another zone', { ctlogs: [withTime('2026-01-01T00:00:00+02:00')] }],
    ['a 13th month', { ctlogs: [withTime('2026-13-01T00:00:00Z')] }],
    ['a CT log without a key', { ctlogs: [{ ...ctlog, publicKey: {} }] }],
    ['too many authorities', { certificateAuthorities: Array.from({ length: 51 }, () => authority) }],
    [
      'too long a chain',
      {
        certificateAuthorities: [
          {
            certChain: {
              certificates: Array.from({ length: 11 }, () => authority?.certChain.certificates[0]),
            },
          },
        ],
      },
    ],
  ])('refuses %s', async (_, change) => {
    expect(await codeOf(() => read({ ...root, ...change }))).toBe('TRUST_ROOT_INVALID');
  });

  it('refuses what is no JSON, or too long', async () => {
    for (const text of ['', '{', 'null', ' '.repeat(1_048_577)]) {
      expect(await codeOf(() => readSigstoreTrust(Buffer.from(text), 'x'))).toBe('TRUST_ROOT_INVALID');
    }
  });

  it('names the field that is wrong', () => {
    expect(() => read({ ...root, ctlogs: 1 })).toThrow('its field "ctlogs" is missing or wrong');
  });

  it('throws nothing else for any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        expect(await codeOf(() => read(value))).toBe('TRUST_ROOT_INVALID');
      }),
    );
  });
});

function withTime(end: string) {
  return { ...ctlog, publicKey: { ...ctlog?.publicKey, validFor: { end } } };
}
