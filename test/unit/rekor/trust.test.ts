import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readLogTrust, type RekorSettings } from '../../../src/rekor/trust.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { logIdOf, trustedRootFor, type LogTrust } from '../../../src/rekor/trusted-root.ts';
import { makePaperLog } from '../../support/sample-evidence.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const v1 = makePaperLog('rekor-v1', 'rekor.log.test').trust;
const shard1 = makePaperLog('rekor-v2', 'shard-1.log.test').trust;
const shard2 = makePaperLog('rekor-v2', 'shard-2.log.test').trust;
const all = rootOf(v1, shard1, shard2);

const read = (content: unknown) => async () =>
  Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
const byRoot = (kind: RekorSettings['kind'], url: string): RekorSettings => ({
  kind,
  url,
  trustedRootFile: 'root.json',
});
const byKey = {
  kind: 'rekor-v2',
  url: 'https://log.test',
  publicKeyFile: 'log.pub',
  origin: 'log.test',
} as const;
const pemOf = ({ spki }: LogTrust) =>
  createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString();

describe('readLogTrust', () => {
  it.each([
    ['the v1 log', byRoot('rekor-v1', 'https://rekor.log.test'), [v1]],
    [
      'the v2 log at the url before its earlier shards',
      byRoot('rekor-v2', 'https://shard-2.log.test/'),
      [shard2, shard1],
    ],
    ['the only log of its kind, wherever it is reached', byRoot('rekor-v1', 'http://127.0.0.1:3000'), [v1]],
  ])('picks %s from a trusted root', async (_, settings, expected) => {
    // each with its address, where an earlier shard is read
    const located = expected.map((log) => ({ ...log, baseUrl: `https://${log.origin}` }));
    expect(await readLogTrust(settings, read(all))).toEqual(located);
  });

  it('tells an outage of what delivers the root from a bad root', async () => {
    const away = () => Promise.reject(new AppError({ code: 'TRUST_ROOT_UNAVAILABLE', message: 'away' }));
    expect(await codeOf(() => readLogTrust(byRoot('rekor-v1', 'https://rekor.log.test'), away))).toBe(
      'TRUST_ROOT_UNAVAILABLE',
    );
  });

  it('takes a public key with its origin', async () => {
    const trust = await readLogTrust({ ...byKey, origin: 'shard-1.log.test' }, read(pemOf(shard1)));
    expect(trust).toEqual([shard1]);
  });

  const [tlog] = rootOf(shard1).tlogs;
  const root = (change: object) => ({ ...rootOf(shard1), tlogs: [{ ...tlog, ...change }] });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    .publicKey.export({ format: 'der', type: 'spki' })
    .toString('base64');
  const BAD_ROOTS: readonly (readonly [string, unknown])[] = [
    ['no JSON', '{'],
    ['an empty object', {}],
    ['another media type', { ...all, mediaType: 'application/json' }],
    ['no log of the kind', rootOf(v1)],
    ['no log at all', { ...all, tlogs: [] }],
    ['a log without url', root({ baseUrl: undefined })],
    ['a log without key', root({ publicKey: undefined })],
    ['a key that is none', root({ publicKey: { rawBytes: 'AAAA', keyDetails: 'PKIX_ED25519' } })],
    ['a key on another curve', root({ publicKey: { rawBytes: p384, keyDetails: 'PKIX_ED25519' } })],
    ['the ID of another key', root({ logId: { keyId: logIdOf(shard2) } })],
    ['the ID of another origin', root({ baseUrl: 'https://other.log.test' })],
    ['two logs of the kind and none at the url', rootOf(shard1, { ...shard2, origin: 'shard-3.log.test' })],
  ];

  it.each(BAD_ROOTS)('refuses a trusted root with %s', async (_, content) => {
    expect(
      await codeOf(() => readLogTrust(byRoot('rekor-v2', 'https://shard-2.log.test'), read(content))),
    ).toBe('TRUST_ROOT_INVALID');
  });

  it('names file and field', async () => {
    const content = root({ publicKey: { keyDetails: 'PKIX_ED25519' } });
    await expect(readLogTrust(byRoot('rekor-v2', 'https://shard-1.log.test'), read(content))).rejects.toThrow(
      /"root\.json".*"tlogs\.0\.publicKey\.rawBytes"/,
    );
  });

  it.each([
    ['junk', 'hello'],
    [
      'a private key',
      generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    ],
    [
      'a key on another curve',
      generateKeyPairSync('ec', { namedCurve: 'P-384' })
        .publicKey.export({ format: 'pem', type: 'spki' })
        .toString(),
    ],
  ])('refuses %s as the public key', async (_, content) => {
    expect(await codeOf(() => readLogTrust(byKey, read(content)))).toBe('TRUST_ROOT_INVALID');
  });

  it('refuses an Ed25519 key for a v1 log', async () => {
    expect(await codeOf(() => readLogTrust({ ...byKey, kind: 'rekor-v1' }, read(pemOf(shard1))))).toBe(
      'TRUST_ROOT_INVALID',
    );
  });

  it('refuses a file that is not there', async () => {
    expect(await codeOf(() => readLogTrust({ ...byKey, publicKeyFile: '/nonexistent/log.pub' }))).toBe(
      'TRUST_ROOT_INVALID',
    );
  });
});

function rootOf(...logs: readonly LogTrust[]): { readonly tlogs: readonly object[] } {
  const tlogs = logs.flatMap((log) => (trustedRootFor(log) as { readonly tlogs: readonly object[] }).tlogs);
  const [first] = logs;
  return { ...(first === undefined ? {} : trustedRootFor(first)), tlogs };
}
