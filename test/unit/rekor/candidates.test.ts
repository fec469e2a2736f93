import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeAcceptedSigners } from '../../../src/rekor/accepted-signers.ts';
import { inBase64, makeCandidateFinder } from '../../../src/rekor/candidates.ts';
import { entryBody, entryParts } from '../../../src/rekor/entry.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { readOwnLeaf } from '../../../src/rekor/own-leaf.ts';
import { ISSUER, makeFakeCa, SAN } from '../../support/fake-ca.ts';
import { certify, makePaperSigstore, signWith } from '../../support/keyless-evidence.ts';
import { NEVER } from '../../support/test-signer.ts';

const STATEMENT = '{"text":"a statement"}';
const sigstore = await makePaperSigstore();
const [active, retired, stranger] = ['active', 'retired', 'stranger'].map((source) =>
  makeKeySigner({ pem: generateKey().privateKeyPem, source }),
);
if (active === undefined || retired === undefined || stranger === undefined) throw new Error('no signers');
const trust = {
  keys: [active.spki, retired.spki],
  identities: [
    { san: 'bot@example.com', issuer: ISSUER },
    { san: SAN, issuer: ISSUER },
  ],
  sigstore: sigstore.trust,
};
const signers = makeAcceptedSigners(trust);

describe.each(['rekor-v1', 'rekor-v2', 'embedded'] as const)('leaves of %s', (kind) => {
  const candidate = makeCandidateFinder(kind, trust, signers);
  const own = (body: Uint8Array) => readOwnLeaf({ kind, signers }, STATEMENT, body);

  it.each([
    ['the key in use', () => active.sign(STATEMENT, NEVER)],
    ['a retired key', () => retired.sign(STATEMENT, NEVER)],
    ['a certificate of ours', async () => signWith(await certify(sigstore), STATEMENT)],
    [
      'a certificate for another identity of ours',
      async () =>
        signWith(
          await certify(sigstore, { names: [{ type: 'email', value: 'bot@example.com' }] }),
          STATEMENT,
        ),
    ],
    [
      // of three lengths, so that the name stands at each place modulo three
      'a certificate that is one byte longer',
      async () => signWith(await certify(sigstore, { olderIssuer: ISSUER }), STATEMENT),
    ],
  ])('are ours by %s', async (_, sign) => {
    const signed = await sign();
    const body = entryBody(kind, entryParts(signed));
    expect(candidate(body)).toBe(Buffer.from(entryParts(signed).digest, 'base64').toString('hex'));
    expect(own(body)).toEqual(signed);
    expect(own(Buffer.concat([body, Buffer.from(' ')]))).toBeUndefined();
  });

  it.each([
    ['a key of a stranger', () => stranger.sign(STATEMENT, NEVER)],
    [
      'our name in a certificate of a stranger',
      async () => signWith(await (await makeFakeCa({ name: 'fake' })).certify(), STATEMENT),
    ],
    [
      'our name behind another',
      async () =>
        signWith(
          await certify(sigstore, { names: [{ type: 'url', value: `https://evil.test/${SAN}` }] }),
          STATEMENT,
        ),
    ],
  ])('are not ours by %s', async (_, sign) => {
    const body = entryBody(kind, entryParts(await sign()));
    expect(candidate(body)).toBeUndefined();
    expect(own(body)).toBeUndefined();
  });

  it('are not ours by a certificate that never was valid when its CA was', async () => {
    const signed = signWith(await certify(sigstore, { notBefore: Date.UTC(2019, 5) }), STATEMENT);
    expect(own(entryBody(kind, entryParts(signed)))).toBeUndefined();
  });

  it.each(['', '"-----BEGIN CERTIFICATE-----', 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t', '{"spec":1}'])(
    'are not ours when they are %j',
    (junk) => {
      expect(candidate(Buffer.from(junk))).toBeUndefined();
      expect(own(Buffer.from(junk))).toBeUndefined();
    },
  );
});

describe('inBase64', () => {
  it('finds bytes wherever they stand in a base64 text', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.uint8Array({ minLength: 3, maxLength: 40 }), bytes, (before, needle, after) => {
        const text = Buffer.concat([before, needle, after]).toString('base64');
        expect(inBase64(needle).some((each) => each.length > 0 && text.includes(each.toString()))).toBe(true);
      }),
    );
  });
});
