import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ecdsaKeyId,
  ed25519KeyId,
  formatCheckpoint,
  parseCheckpoint,
  signNote,
  verifyCheckpoint,
} from '../../../src/ledger/signed-note.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const ORIGIN = 'log.example/2026';
const ROOT = createHash('sha256').update('root').digest();
const BODY = formatCheckpoint({ origin: ORIGIN, treeSize: 42, rootHash: ROOT });

const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
const ed25519 = generateKeyPairSync('ed25519');
const ed25519Spki = spkiOf(ed25519.publicKey);
const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const p256Spki = spkiOf(p256.publicKey);

function edNote(body = BODY, name = ORIGIN): string {
  const keyId = ed25519KeyId(name, ed25519Spki.subarray(-32));
  return signNote(body, name, keyId, sign(null, Buffer.from(body), ed25519.privateKey));
}

function ecNote(body = BODY, name = ORIGIN): string {
  return signNote(body, name, ecdsaKeyId(p256Spki), sign('sha256', Buffer.from(body), p256.privateKey));
}

const signatureLine = (note: string): string => note.slice(note.lastIndexOf('\n\n') + 2);
const trust = { origin: ORIGIN, spki: ed25519Spki };

describe('key ids', () => {
  it('hashes name, line feed, 0x01 and key for Ed25519', () => {
    const key = Buffer.alloc(32, 9);
    const hash = createHash('sha256')
      .update(Buffer.concat([Buffer.from('name\n\u0001'), key]))
      .digest();
    expect(Buffer.from(ed25519KeyId('name', key)).toString('hex')).toBe(hash.toString('hex', 0, 4));
  });

  it('hashes the SubjectPublicKeyInfo for ECDSA', () => {
    const hash = createHash('sha256').update(p256Spki).digest('hex');
    expect(Buffer.from(ecdsaKeyId(p256Spki)).toString('hex')).toBe(hash.slice(0, 8));
  });
});

describe('parseCheckpoint', () => {
  it('reads every part', () => {
    const parsed = parseCheckpoint(edNote(`${BODY}extension one\nand two\n`));
    expect(parsed).toMatchObject({ origin: ORIGIN, treeSize: 42, extensions: ['extension one', 'and two'] });
    expect(Buffer.from(parsed.rootHash).equals(ROOT)).toBe(true);
    expect(parsed.body).toBe(`${BODY}extension one\nand two\n`);
    expect(
      parsed.signatures.map(({ name, keyId, signature }) => [name, keyId.length, signature.length]),
    ).toEqual([[ORIGIN, 4, 64]]);
  });

  it('reads back what formatCheckpoint and signNote wrote', () => {
    const origin = fc.string({
      unit: fc.constantFrom('a', 'Z', '0', ' ', '.', '-', '/', 'ä', '€'),
      minLength: 1,
    });
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(origin, fc.maxSafeNat(), bytes, (name, treeSize, signature) => {
        const body = formatCheckpoint({ origin: name, treeSize, rootHash: ROOT });
        const parsed = parseCheckpoint(signNote(body, 'key', Buffer.alloc(4, 1), signature));
        expect(parsed).toMatchObject({ origin: name, treeSize, extensions: [], body });
        expect(parsed.signatures.map((each) => Buffer.from(each.signature))).toEqual([
          Buffer.from(signature),
        ]);
      }),
    );
  });

  it('takes 64 signatures', () => {
    const note = edNote() + signatureLine(edNote()).repeat(63);
    expect(parseCheckpoint(note).signatures).toHaveLength(64);
  });

  const good = edNote();
  const bad: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['a body alone', BODY],
    ['no signature', `${BODY}\n`],
    ['no last line feed', good.slice(0, -1)],
    ['text after the signatures', `${good}text\n`],
    ['a hyphen for the dash', good.replace('\u2014', '-')],
    ['a signature without a name', good.replace(` ${ORIGIN} `, ' ')],
    ['a plus sign in the key name', good.replace(`\u2014 ${ORIGIN}`, '\u2014 a+b')],
    ['a signature that is no base64', good.replace(/\S+\n$/, '!!!!\n')],
    [
      'base64 without padding',
      good.replace(/=*\n$/, '\n').replace(/(\S+)\n$/, (text) => text.replace('=', '')),
    ],
    ['a signature of no bytes', `${BODY}\n\u2014 name AAAAAA==\n`],
    ['65 signatures', good + signatureLine(good).repeat(64)],
    ['more than 64 KiB', good.replace('42\n', `42\n`).replace(BODY, `${BODY}${'x'.repeat(66_000)}\n`)],
    ['a carriage return', good.replace('\n', '\r\n')],
    ['a tab', good.replace('log', 'l\tog')],
    ['a zero byte', good.replace('log', 'l\u0000og')],
    ['half a surrogate pair', good.replace('log', 'l\ud800og')],
    ['an empty origin', good.replace(ORIGIN, '')],
    ['a negative size', good.replace('42', '-1')],
    ['a size with a leading zero', good.replace('42', '042')],
    ['a size with a sign', good.replace('42', '+42')],
    ['a size in hex', good.replace('42', '0x2a')],
    ['a size that no number can tell', good.replace('42', '9007199254740992')],
    ['no size', good.replace('42', '')],
    ['a short root', good.replace(ROOT.toString('base64'), 'AAAA')],
    ['a root that is no base64', good.replace(ROOT.toString('base64'), '*'.repeat(44))],
    ['no root', `${ORIGIN}\n42\n\n${signatureLine(good)}`],
    ['an empty line among the extensions', edNote(`${BODY}\nextension\n`)],
  ];
  it.each(bad)('refuses %s', async (_, note) => {
    expect(note).not.toBe(good);
    expect(await codeOf(() => parseCheckpoint(note))).toBe('LOG_PROOF_INVALID');
  });

  it('throws nothing but LOG_PROOF_INVALID for junk', async () => {
    const text = fc.array(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n', '\n\n', '\u2014 ', good)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (pieces) => {
        expect([undefined, 'LOG_PROOF_INVALID']).toContain(
          await codeOf(() => parseCheckpoint(pieces.join(''))),
        );
      }),
    );
  });
});

describe('verifyCheckpoint', () => {
  it('accepts an Ed25519 signature and gives what was signed', () => {
    const note = edNote();
    expect(verifyCheckpoint(note, trust)).toEqual({ origin: ORIGIN, treeSize: 42, rootHash: ROOT, note });
  });

  it('accepts an ECDSA P-256 signature', () => {
    expect(verifyCheckpoint(ecNote(), { origin: ORIGIN, spki: p256Spki }).treeSize).toBe(42);
  });

  it('accepts a key name that is not the origin only when told so', async () => {
    const note = ecNote(BODY, 'log.example');
    const keyed = { origin: ORIGIN, spki: p256Spki };
    expect(verifyCheckpoint(note, { ...keyed, keyName: 'log.example' }).treeSize).toBe(42);
    expect(await codeOf(() => verifyCheckpoint(note, keyed))).toBe('LOG_PROOF_INVALID');
  });

  it('ignores the signatures of others, before and after', () => {
    const stranger = signatureLine(ecNote(BODY, 'witness.example'));
    const [body, own] = [`${BODY}\n`, signatureLine(edNote())];
    expect(verifyCheckpoint(body + stranger + own + stranger, trust).treeSize).toBe(42);
  });

  it('covers the extensions by the signature', async () => {
    const note = edNote(`${BODY}extension\n`);
    expect(verifyCheckpoint(note, trust).treeSize).toBe(42);
    expect(await codeOf(() => verifyCheckpoint(note.replace('extension', 'extensiom'), trust))).toBe(
      'LOG_PROOF_INVALID',
    );
  });

  const forgedBySameId = signNote(
    BODY,
    ORIGIN,
    ed25519KeyId(ORIGIN, ed25519Spki.subarray(-32)),
    Buffer.alloc(64),
  );
  const bad: readonly (readonly [string, string])[] = [
    ['another size', edNote().replace('\n42\n', '\n43\n')],
    ['another root', edNote().replace(ROOT.toString('base64'), createHash('sha256').digest('base64'))],
    ['another origin, signed by the right key', edNote(BODY.replace(ORIGIN, 'log.example/2027'))],
    ['another key name', edNote(BODY, 'log.example/2027')],
    ['a key name in another case', edNote().replace(`\u2014 ${ORIGIN}`, `\u2014 ${ORIGIN.toUpperCase()}`)],
    ['another key', ecNote()],
    ['a signature of zeros', forgedBySameId],
    [
      'a signature of one byte',
      signNote(BODY, ORIGIN, ed25519KeyId(ORIGIN, ed25519Spki.subarray(-32)), Buffer.alloc(1)),
    ],
    ['a false signature of the trusted key beside the right one', edNote() + signatureLine(forgedBySameId)],
  ];
  it.each(bad)('refuses %s', async (_, note) => {
    expect(await codeOf(() => verifyCheckpoint(note, trust))).toBe('LOG_PROOF_INVALID');
  });

  it('refuses an ECDSA signature that is no DER', async () => {
    const note = signNote(BODY, ORIGIN, ecdsaKeyId(p256Spki), Buffer.alloc(64, 1));
    expect(await codeOf(() => verifyCheckpoint(note, { origin: ORIGIN, spki: p256Spki }))).toBe(
      'LOG_PROOF_INVALID',
    );
  });

  it.each([
    ['no key at all', new Uint8Array()],
    ['junk', Buffer.from('junk')],
    ['an RSA key', spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    [
      'an ECDSA key of another curve',
      spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey),
    ],
    ['a key of another Edwards curve', spkiOf(generateKeyPairSync('ed448').publicKey)],
    ['a key for Diffie-Hellman', spkiOf(generateKeyPairSync('x25519').publicKey)],
  ])('refuses %s as the trusted key', async (_, spki) => {
    expect(await codeOf(() => verifyCheckpoint(edNote(), { origin: ORIGIN, spki }))).toBe(
      'TRUST_ROOT_INVALID',
    );
  });
});
