import { createPrivateKey } from 'node:crypto';
import type { SignedStatement } from '../../src/ledger/evidence.ts';
import { makeKeySigner, type KeySigner } from '../../src/rekor/key-signer.ts';

/** The P-256 key of RFC 6979 appendix A.2.5. */
export const RFC6979_KEY = createPrivateKey({
  format: 'jwk',
  key: {
    kty: 'EC',
    crv: 'P-256',
    d: hex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'),
    x: hex('60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6'),
    y: hex('7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299'),
  },
});

/** A signer with a key that everybody knows. */
export function makeTestSigner(): KeySigner {
  const pem = RFC6979_KEY.export({ format: 'pem', type: 'pkcs8' }).toString();
  return makeKeySigner({ pem, source: 'test key' });
}

export const NEVER = new AbortController().signal;

/** A statement signed by the test signer. */
export async function signedStatement(text = 'a statement'): Promise<SignedStatement> {
  return makeTestSigner().sign(JSON.stringify({ text }), NEVER);
}

function hex(digits: string): string {
  return Buffer.from(digits, 'hex').toString('base64url');
}
