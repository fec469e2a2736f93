import { describe, expect, it } from '@jest/globals';
import { statementDigest } from '../../../src/ledger/statement.ts';
import { entryBody, entryParts } from '../../../src/rekor/entry.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { makeLeafVerifier } from '../../../src/rekor/leaf-verifier.ts';
import { ISSUER, SAN } from '../../support/fake-ca.ts';
import { certify, makePaperSigstore, signWith } from '../../support/keyless-evidence.ts';
import { NEVER } from '../../support/test-signer.ts';

const KINDS = ['rekor-v1', 'rekor-v2'] as const;
const signer = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
const stranger = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
const ours = await signer.sign('a statement', NEVER);
const theirs = await stranger.sign('a statement', NEVER);
const sigstore = await makePaperSigstore();
const other = await makePaperSigstore();

describe.each(KINDS)('makeLeafVerifier for %s', (kind) => {
  const byKey = makeLeafVerifier(kind, { keys: [signer.spki], identities: [] });
  const bodyOf = (signed: typeof ours) => entryBody(kind, entryParts(signed));
  const identities = [{ san: SAN, issuer: ISSUER }];
  const byName = makeLeafVerifier(kind, { keys: [], identities, sigstore: sigstore.trust });

  it('knows an entry that our key has signed', async () => {
    const { verifier } = ours;
    expect(await byKey.ownLeaf(bodyOf(ours))).toEqual({
      statementDigest: statementDigest('a statement'),
      verifier,
    });
  });

  it('knows an entry by a certificate that was issued to us', async () => {
    const signed = signWith(await certify(sigstore), 'a statement');
    expect(await byName.ownLeaf(bodyOf(signed))).toMatchObject({
      statementDigest: statementDigest('a statement'),
    });
    expect(await byKey.ownLeaf(bodyOf(signed))).toBeUndefined();
  });

  it.each<[string, () => Uint8Array]>([
    ['another key', () => bodyOf(theirs)],
    ['our key and another’s signature', () => bodyOf({ ...ours, signature: theirs.signature })],
    [
      'our key and our signature of something else',
      () => bodyOf({ ...ours, statement: 'another statement' }),
    ],
    ['our key and no signature', () => bodyOf({ ...ours, signature: 'AAAA' })],
    ['bytes that are not canonical', () => Buffer.concat([bodyOf(ours), Buffer.from(' ')])],
    ['junk', () => Buffer.from('junk')],
    ['nothing', () => Buffer.alloc(0)],
  ])('knows no entry with %s', async (_, body) => {
    expect(await byKey.ownLeaf(body())).toBeUndefined();
  });

  it('knows no entry by our name in a certificate of another authority, nor with another’s signature', async () => {
    const foreign = signWith(await certify(other), 'a statement');
    expect(await byName.ownLeaf(bodyOf(foreign))).toBeUndefined();
    const forged = { ...signWith(await certify(sigstore), 'a statement'), signature: theirs.signature };
    expect(await byName.ownLeaf(bodyOf(forged))).toBeUndefined();
  });
});
