import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readAcceptedKeys } from '../../../src/rekor/accepted-key-files.ts';
import { generateKey } from '../../../src/rekor/key-signer.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { makeTestSigner, RFC6979_KEY } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { spki, publicKeyPem } = makeTestSigner();
const sec1 = RFC6979_KEY.export({ format: 'pem', type: 'sec1' }).toString();
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

const GOOD: readonly (readonly [string, string])[] = [
  ['public', publicKeyPem],
  ['private PKCS#8', RFC6979_KEY.export({ format: 'pem', type: 'pkcs8' }).toString()],
  ['private SEC1', sec1],
  ['private SEC1 that openssl ecparam made', `${PARAMETERS}${sec1}`],
];

const encrypted = { cipher: 'aes-256-cbc', passphrase: 'secret', format: 'pem' } as const;
const BAD: readonly (readonly [string, string])[] = [
  ['an empty file', ''],
  ['text', 'hello'],
  ['an encrypted PKCS#8 key', RFC6979_KEY.export({ ...encrypted, type: 'pkcs8' }).toString()],
  ['an encrypted SEC1 key', RFC6979_KEY.export({ ...encrypted, type: 'sec1' }).toString()],
  ['a cut-off key', publicKeyPem.slice(0, 60)],
  [
    'an Ed25519 key',
    generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  ],
  [
    'a P-384 key',
    generateKeyPairSync('ec', { namedCurve: 'P-384' })
      .publicKey.export({ format: 'pem', type: 'spki' })
      .toString(),
  ],
  ['a file longer than any key', 'x'.repeat(20_000)],
];

const reading = (text: string) => async () => Buffer.from(text);

describe('readAcceptedKeys', () => {
  it.each(GOOD)('reads a %s key', async (_, pem) => {
    expect(await readAcceptedKeys(['a.pem'], reading(pem))).toEqual([spki]);
  });

  it('gives the keys of all files in their order, each once', async () => {
    await using folder = await makeTempFolder();
    const other = generateKey().publicKeyPem;
    const files = ['a.pem', 'b.pem', 'c.pem'].map((name) => join(folder.path, name));
    await Promise.all([other, publicKeyPem, other].map((pem, at) => writeFile(files[at] ?? '', pem)));
    const first = createPublicKey(other).export({ type: 'spki', format: 'der' }).toString('base64');
    expect(await readAcceptedKeys(files)).toEqual([first, spki]);
  });

  it('gives no keys for no files', async () => {
    expect(await readAcceptedKeys([])).toEqual([]);
  });

  it.each(BAD)('refuses %s', async (_, pem) => {
    expect(await codeOf(() => readAcceptedKeys(['a.pem'], reading(pem)))).toBe('KEY_INVALID');
  });

  it.each([
    ['it is encrypted', BAD.filter(([name]) => name.includes('encrypted'))],
    ['it is longer than any key', BAD.filter(([name]) => name.includes('longer'))],
  ])('says of a key that %s', async (why, rows) => {
    for (const [, pem] of rows) {
      await expect(readAcceptedKeys(['a.pem'], reading(pem))).rejects.toMatchObject({
        message: expect.stringContaining(why),
      });
    }
  });

  it('refuses a file that is not there', async () => {
    expect(await codeOf(() => readAcceptedKeys(['/does/not/exist.pem']))).toBe('KEY_INVALID');
  });
});
