import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTestSigner, NEVER, RFC6979_KEY } from '../../support/test-signer.ts';

/** RFC 6979 appendix A.2.5, SHA-256: message, r, s. */
const VECTORS = [
  [
    'sample',
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716',
    'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  ],
  [
    'test',
    'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367',
    '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
  ],
] as const;

const pkcs8 = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const encrypted = { cipher: 'aes-256-cbc', passphrase: 'secret', format: 'pem' } as const;

const BAD_KEYS: readonly (readonly [string, string])[] = [
  ['an empty file', ''],
  ['text', 'hello'],
  ['a public key', createPublicKey(RFC6979_KEY).export({ format: 'pem', type: 'spki' }).toString()],
  ['an encrypted PKCS#8 key', RFC6979_KEY.export({ ...encrypted, type: 'pkcs8' }).toString()],
  ['an encrypted SEC1 key', RFC6979_KEY.export({ ...encrypted, type: 'sec1' }).toString()],
  [
    'a cosign key',
    '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n',
  ],
  ['a P-384 key', pkcs8(ec('P-384'))],
  ['a secp256k1 key', pkcs8(ec('secp256k1'))],
  ['an Ed25519 key', pkcs8(generateKeyPairSync('ed25519').privateKey)],
  ['a file longer than any key', 'x'.repeat(20_000)],
  ['a cut-off key', pkcs8(RFC6979_KEY).slice(0, 90)],
];

describe('makeKeySigner', () => {
  it.each(VECTORS)('signs %j as RFC 6979 appendix A.2.5 says', async (message, r, s) => {
    const { signature } = await makeTestSigner().sign(message, NEVER);
    expect(integersOf(signature)).toEqual([r, s]);
  });

  it('makes signatures that node:crypto verifies, high and low s alike', async () => {
    const signer = makeTestSigner();
    for (let i = 0; i < 20; i += 1) {
      const { statement, signature } = await signer.sign(`statement ${i} ü`, NEVER);
      const key = createPublicKey(signer.publicKeyPem);
      expect(verify('sha256', Buffer.from(statement), key, Buffer.from(signature, 'base64'))).toBe(true);
    }
  });

  it('gives one signature for one statement for ever', async () => {
    const [a, b] = [await makeTestSigner().sign('x', NEVER), await makeTestSigner().sign('x', NEVER)];
    expect(a).toEqual(b);
  });

  it('keeps what a key has signed, or what has a timestamp, and signs anew what a certificate has', async () => {
    const signer = makeTestSigner();
    const signed = await signer.sign('x', NEVER);
    const keyless = { ...signed, verifier: { kind: 'certificate', der: 'AAAA' } } as const;
    const stamped = { ...keyless, timestamp: 'AAAA' };
    expect([signed, keyless, stamped].map((each) => signer.isFresh(each))).toEqual([true, false, true]);
  });

  it.each(['pkcs8', 'sec1'] as const)('reads a key in %s form', async (type) => {
    const pem = RFC6979_KEY.export({ format: 'pem', type }).toString();
    expect(makeKeySigner({ pem, source: 'k' }).spki).toBe(makeTestSigner().spki);
  });

  it.each(BAD_KEYS)('refuses %s', async (_, pem) => {
    expect(await codeOf(() => makeKeySigner({ pem, source: 'key.pem' }))).toBe('KEY_INVALID');
  });
});

describe('generateKey', () => {
  it('makes a new key that signs, each time', async () => {
    const [a, b] = [generateKey(), generateKey()];
    expect(makeKeySigner({ pem: a.privateKeyPem, source: 'a' }).publicKeyPem).toBe(a.publicKeyPem);
    expect(a.publicKeyPem).not.toBe(b.publicKeyPem);
  });
});

/** r and s of a DER signature, as 64 hex digits each. */
function integersOf(signature: string): string[] {
  const der = Buffer.from(signature, 'base64');
  const rEnd = 4 + (der[3] ?? 0);
  return [der.subarray(4, rEnd), der.subarray(rEnd + 2)].map((each) =>
    each.toString('hex').slice(-64).padStart(64, '0'),
  );
}
