import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { entryBody, entryLeafHash, entryParts, requestV1, requestV2 } from '../../../src/rekor/entry.ts';
import { makeTestSigner, signedStatement } from '../../support/test-signer.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

describe('entryBody', () => {
  it('is the canonical form that Rekor v2 makes of a hashedrekord 0.0.2', async () => {
    const signed = await signedStatement();
    const digest = createHash('sha256').update(signed.statement).digest('base64');
    const { spki } = makeTestSigner();
    expect(text(entryBody('rekor-v2', entryParts(signed)))).toBe(
      `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"${digest}"},` +
        `"signature":{"content":"${signed.signature}","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"${spki}"}}}}}}`,
    );
  });

  it('is the canonical form that Rekor v1 makes of a hashedrekord 0.0.1', async () => {
    const signed = await signedStatement();
    const digest = createHash('sha256').update(signed.statement).digest('hex');
    const { spki } = makeTestSigner();
    const pem = `-----BEGIN PUBLIC KEY-----\n${spki.slice(0, 64)}\n${spki.slice(64)}\n-----END PUBLIC KEY-----\n`;
    expect(text(entryBody('rekor-v1', entryParts(signed)))).toBe(
      `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${digest}"}},` +
        `"signature":{"content":"${signed.signature}","publicKey":{"content":"${Buffer.from(pem).toString('base64')}"}}}}`,
    );
  });

  it('carries a certificate in the place of a key', async () => {
    const signed = await signedStatement();
    const verifier = { kind: 'certificate', der: Buffer.alloc(70, 1).toString('base64') } as const;
    const parts = entryParts({ ...signed, verifier });
    expect(requestV2(parts)).toMatchObject({
      hashedRekordRequestV002: { signature: { verifier: { x509Certificate: { rawBytes: verifier.der } } } },
    });
    const { content } = publicKeyOf(requestV1(parts));
    expect(Buffer.from(content, 'base64').toString()).toBe(
      `-----BEGIN CERTIFICATE-----\n${verifier.der.slice(0, 64)}\n${verifier.der.slice(64)}\n-----END CERTIFICATE-----\n`,
    );
  });

  it('differs for another key, another signature and another statement', async () => {
    const [one, two] = [await signedStatement('one'), await signedStatement('two')];
    const spki = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
      format: 'der',
      type: 'spki',
    });
    const variants = [
      one,
      { ...one, signature: two.signature },
      { ...one, statement: two.statement },
      { ...one, verifier: { kind: 'publicKey', spki: spki.toString('base64') } as const },
    ];
    expect(new Set(variants.map((each) => entryLeafHash('rekor-v2', each))).size).toBe(variants.length);
  });
});

describe('entryLeafHash', () => {
  it('is the RFC 6962 hash of the body', async () => {
    const signed = await signedStatement();
    const expected = Buffer.from(leafHash(entryBody('embedded', entryParts(signed)))).toString('hex');
    expect(entryLeafHash('embedded', signed)).toBe(expected);
  });
});

function publicKeyOf(request: object): { readonly content: string } {
  const { spec } = request as { spec: { signature: { publicKey: { content: string } } } };
  return spec.signature.publicKey;
}
