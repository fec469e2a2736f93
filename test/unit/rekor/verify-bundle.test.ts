import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { p256 } from '@noble/curves/nist.js';
import type { LoggedStatement, SignedStatement } from '../../../src/ledger/evidence.ts';
import { leafHash, nodeHash } from '../../../src/ledger/leaf-hash.ts';
import { assembleBundle } from '../../../src/rekor/bundle.ts';
import { entryBody, entryParts } from '../../../src/rekor/entry.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import type { LogEntry } from '../../../src/rekor/log-entry.ts';
import { makeEvidenceVerifier } from '../../../src/rekor/verify-bundle.ts';
import { loggedIn, logKeys, makePaperLog } from '../../support/sample-evidence.ts';
import { makeTestSigner, NEVER, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const log = makePaperLog('rekor-v2');
const v1 = makePaperLog('rekor-v1');
const keys = [makeTestSigner().spki];
const verifier = makeEvidenceVerifier({ keys, identities: [], logs: [log.trust] });
const verifierV1 = makeEvidenceVerifier({ keys, identities: [], logs: [v1.trust] });
const signed = await signedStatement();
const body = entryBody('rekor-v2', entryParts(signed));
const good = log.entry(body);
const goodV1 = v1.entry(entryBody('rekor-v1', entryParts(signed)));

const verdict = (logged: LoggedStatement) => codeOf(() => verifier.verify(logged));
const entryVerdict = (entry: LogEntry) => verdict({ ...signed, bundle: assembleBundle(signed, entry) });
const entryVerdictV1 = (entry: LogEntry) =>
  codeOf(() => verifierV1.verify({ ...signed, bundle: assembleBundle(signed, entry) }));

describe('verify', () => {
  it('accepts good evidence on v2 and tells index, log, leaf and checkpoint', async () => {
    expect(await verifier.verify(loggedIn(log, signed))).toEqual({
      logIndex: 1,
      logId: good.logId,
      uuid: Buffer.from(leafHash(body)).toString('hex'),
      checkpoint: good.proof.checkpoint,
    });
  });

  it('accepts good evidence on v1 and tells its time and its UUID', async () => {
    const entry = await verifierV1.verify(loggedIn(v1, signed));
    expect(entry).toMatchObject({ logIndex: 1_001, integratedTime: 1_790_000_000 });
    expect(entry.uuid).toBe(`00000000499602d2${verifierV1.leafHash(signed)}`);
  });

  it('refuses an entry that names another key for which the very signature verifies', async () => {
    const spki = otherKeyFor(signed);
    const forged = entryBody('rekor-v2', { ...entryParts(signed), verifier: { kind: 'publicKey', spki } });
    expect(await entryVerdict(log.entry(forged))).toBe('LOG_ENTRY_INVALID');
  });

  it('refuses a proof that includes another leaf than the rebuilt one', async () => {
    const other = log.entry(Buffer.from('another body'));
    expect(await entryVerdict({ ...other, body: good.body })).toBe('LOG_PROOF_INVALID');
  });

  it.each([0, 2])('refuses an entry index of %d where the proof says 1 (v2)', async (logIndex) => {
    expect(await entryVerdict({ ...good, logIndex })).toBe('LOG_PROOF_INVALID');
  });

  it.each([
    'application/vnd.dev.sigstore.bundle+json;version=0.1',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
    'application/vnd.dev.sigstore.bundle.v0.4+json',
  ])('refuses a bundle relabelled %j', async (mediaType) => {
    const { bundle } = loggedIn(log, signed);
    expect(await verdict({ ...signed, bundle: { ...bundle, mediaType } })).toBe('RECORD_INVALID');
  });

  it('refuses an entry without an inclusion proof, even with a SET', async () => {
    const { bundle } = loggedIn(v1, signed);
    const text = JSON.stringify(bundle).replace(/"inclusionProof":\{.*?\}\},/, '');
    const cut = JSON.parse(text) as LoggedStatement['bundle'];
    expect(text).not.toContain('inclusionProof');
    expect(await codeOf(() => verifierV1.verify({ ...signed, bundle: cut }))).toBe('LOG_ENTRY_INVALID');
  });

  it('refuses a checkpoint by a key that is not pinned', async () => {
    const stranger = makePaperLog('rekor-v2');
    const { checkpoint } = stranger.entry(body).proof;
    expect(await entryVerdict({ ...good, proof: { ...good.proof, checkpoint } })).toBe('LOG_PROOF_INVALID');
    expect(await entryVerdict(stranger.entry(body))).toBe('LOG_PROOF_INVALID');
  });

  it('refuses a checkpoint of another origin, signed by the pinned key', async () => {
    const rootHash = Buffer.from(good.proof.rootHash, 'base64');
    const checkpoint = log.note({ treeSize: 2, rootHash, origin: 'log.test.evil' });
    expect(await entryVerdict({ ...good, proof: { ...good.proof, checkpoint } })).toBe('LOG_PROOF_INVALID');
  });

  it('refuses a proof for another tree than the checkpoint signs', async () => {
    const rootHash = nodeHash(leafHash(Buffer.from('x')), leafHash(body));
    const checkpoint = log.note({ treeSize: 2, rootHash });
    expect(await entryVerdict({ ...good, proof: { ...good.proof, checkpoint } })).toBe('LOG_PROOF_INVALID');
  });

  it('refuses the bundle of another statement', async () => {
    const other = await signedStatement('another');
    const { bundle } = loggedIn(log, other);
    expect(await verdict({ ...signed, bundle })).toBe('RECORD_INVALID');
  });

  it('refuses a time that v2 does not sign', async () => {
    expect(await entryVerdict({ ...good, integratedTime: 1_790_000_000 })).toBe('LOG_ENTRY_INVALID');
  });

  it.each([
    ['no time', { ...goodV1, integratedTime: 0 }],
    ['no SET', dropSet(goodV1)],
  ])('refuses a v1 entry with %s', async (_, entry) => {
    expect(await entryVerdictV1(entry)).toBe('LOG_ENTRY_INVALID');
  });

  it.each([
    ['another time', { ...goodV1, integratedTime: 1_790_000_001 }],
    ['another index', { ...goodV1, logIndex: 1_002 }],
  ])('refuses a v1 entry with %s than its SET signs', async (_, entry) => {
    expect(await entryVerdictV1(entry)).toBe('LOG_PROOF_INVALID');
  });

  it('refuses a v1 checkpoint of another origin, signed by the pinned key', async () => {
    const rootHash = Buffer.from(goodV1.proof.rootHash, 'base64');
    const checkpoint = v1.note({ treeSize: 2, rootHash, origin: 'log.evil - 1' });
    expect(await entryVerdictV1({ ...goodV1, proof: { ...goodV1.proof, checkpoint } })).toBe(
      'LOG_PROOF_INVALID',
    );
  });

  it('refuses an entry of the other kind of log', async () => {
    expect(await codeOf(() => verifierV1.verify(loggedIn(log, signed)))).toBe('LOG_PROOF_INVALID');
    expect(await verdict(loggedIn(v1, signed))).toBe('LOG_PROOF_INVALID');
  });

  it('accepts evidence in an earlier shard that is still trusted', async () => {
    const earlier = makePaperLog('rekor-v2', 'shard-1.log.test');
    const both = makeEvidenceVerifier({ keys, identities: [], logs: [log.trust, earlier.trust] });
    expect((await both.verify(loggedIn(earlier, signed))).logIndex).toBe(1);
    expect(await verdict(loggedIn(earlier, signed))).toBe('LOG_PROOF_INVALID');
  });

  it('refuses a bundle longer than 64 KiB', async () => {
    const { bundle } = loggedIn(log, signed);
    const long = { ...signed, bundle: { ...bundle, note: 'x'.repeat(65_536) } };
    await expect(verifier.verify(long)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      cause: { message: 'longer than 65536 bytes' },
    });
  });

  it('refuses a bundle nested too deeply', async () => {
    let deep: unknown = 0;
    for (let i = 0; i < 1_000; i += 1) deep = [deep];
    expect(await verdict({ ...signed, bundle: { deep } })).toBe('RECORD_INVALID');
  });

  it.each([
    ['a bundle that JSON cannot say', { big: 1n }],
    ['an empty bundle', {}],
  ])('turns every exception into a refusal: %s', async (_, bundle) => {
    expect(await verdict({ ...signed, bundle })).toMatch(/^(RECORD|LOG_ENTRY)_INVALID$/);
  });
});

describe('verifySignature', () => {
  it('accepts a signature by one of our keys', async () => {
    expect(await codeOf(() => verifier.verifySignature(signed))).toBeUndefined();
  });

  it('refuses a valid signature by a key that is not ours', async () => {
    const stranger = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'stranger' });
    const theirs = await stranger.sign(signed.statement, NEVER);
    expect(await codeOf(() => verifier.verifySignature(theirs))).toBe('IDENTITY_MISMATCH');
  });

  it('refuses a certificate where only keys are ours', async () => {
    const theirs = { ...signed, verifier: { kind: 'certificate', der: 'AAAA' } } as const;
    expect(await codeOf(() => verifier.verifySignature(theirs))).toBe('IDENTITY_MISMATCH');
  });

  it.each([
    ['another statement', { ...signed, statement: `${signed.statement} ` }],
    ['no signature', { ...signed, signature: '' }],
    [
      'trailing bytes',
      {
        ...signed,
        signature: Buffer.concat([Buffer.from(signed.signature, 'base64'), Buffer.of(0)]).toString('base64'),
      },
    ],
    ['another spelling of base64', { ...signed, signature: ` ${signed.signature}` }],
  ])('refuses %s', async (_, forged) => {
    expect(await codeOf(() => verifier.verifySignature(forged))).toBe('RECORD_INVALID');
  });
});

describe('several trusted logs', () => {
  const shared = logKeys('rekor-v1');
  const paper = {
    a: makePaperLog('rekor-v1', 'a.test', shared),
    b: makePaperLog('rekor-v1', 'b.test', shared),
  };
  const { a, b } = { a: paper.a.trust, b: paper.b.trust };
  const OTHER_KEY = makePaperLog('rekor-v1', 'b.test').trust;
  // the entry is of 2026-09-21
  const early = { validFor: { start: '2020-01-01T00:00:00Z', end: '2021-01-01T00:00:00Z' } };
  const late = { validFor: { start: '2026-01-01T00:00:00Z' } };
  type Logs = Parameters<typeof makeEvidenceVerifier>[0]['logs'];

  it.each<[string, Logs, 'a' | 'b', string | undefined]>([
    ['the first of two with one key', [a, b], 'a', undefined],
    ['the second of two with one key', [a, b], 'b', undefined],
    ['one that shares its key with a trusted one', [a], 'b', 'LOG_PROOF_INVALID'],
    ['one that shares its name with a trusted one', [a, OTHER_KEY], 'b', 'LOG_PROOF_INVALID'],
    [
      'one that is named twice, in its first time',
      [
        { ...a, ...late },
        { ...a, ...early },
      ],
      'a',
      undefined,
    ],
    [
      'one that is named twice, in its second time',
      [
        { ...a, ...early },
        { ...a, ...late },
      ],
      'a',
      undefined,
    ],
    [
      'one in the time of another with its key',
      [
        { ...a, ...early },
        { ...b, ...late },
      ],
      'a',
      'LOG_PROOF_INVALID',
    ],
    [
      'one in its own time',
      [
        { ...a, ...early },
        { ...b, ...late },
      ],
      'b',
      undefined,
    ],
  ])('judge an entry of %s', async (_what, logs, name, code) => {
    const check = makeEvidenceVerifier({ keys, identities: [], logs });
    expect(await codeOf(() => check.verify(loggedIn(paper[name], signed)))).toBe(code);
  });
});

describe('candidate and own', () => {
  const bodyV1 = entryBody('rekor-v1', entryParts(signed));

  it('know our leaf and its statement, on v2 and on v1', async () => {
    const digest = Buffer.from(entryParts(signed).digest, 'base64').toString('hex');
    expect(verifier.candidate(body)).toBe(digest);
    expect(verifierV1.candidate(bodyV1)).toBe(digest);
    expect(await verifier.own(signed.statement, body)).toEqual(signed);
    expect(await verifierV1.own(signed.statement, bodyV1)).toEqual(signed);
  });

  it('do not take a leaf for ours that only carries our key', async () => {
    const other = await signedStatement('another');
    const forged = entryBody('rekor-v2', { ...entryParts(signed), signature: other.signature });
    expect(await verifier.own(signed.statement, forged)).toBeUndefined();
  });

  it('do not take a leaf for one over another statement', async () => {
    expect(await verifier.own(`${signed.statement} `, body)).toBeUndefined();
  });

  it('do not take a leaf that is written in another way', async () => {
    const spaced = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(body).toString()), undefined, 1));
    expect(verifier.candidate(spaced)).toBeUndefined();
    expect(await verifier.own(signed.statement, spaced)).toBeUndefined();
  });

  it.each(['', '{}', 'null', '[]', '{"spec":{"hashedRekordV002":{}}}', '\u0000'])(
    'pass over %j',
    async (junk) => {
      for (const each of [verifier, verifierV1]) {
        expect(each.candidate(Buffer.from(junk))).toBeUndefined();
        expect(await each.own(signed.statement, Buffer.from(junk))).toBeUndefined();
      }
    },
  );
});

describe('makeEvidenceVerifier', () => {
  it.each([
    ['junk', 'AAAA'],
    [
      'a P-384 key',
      generateKeyPairSync('ec', { namedCurve: 'P-384' })
        .publicKey.export({ format: 'der', type: 'spki' })
        .toString('base64'),
    ],
  ])('refuses %s as an accepted key', async (_, key) => {
    expect(await codeOf(() => makeEvidenceVerifier({ keys: [key], identities: [], logs: [log.trust] }))).toBe(
      'KEY_INVALID',
    );
  });
});

/** The second public key for which an ECDSA signature over the statement verifies (SEC 1 section 4.1.6). */
function otherKeyFor({ statement, signature }: SignedStatement): string {
  const ours = Buffer.from(keys[0] ?? '', 'base64');
  const message = Buffer.from(statement);
  const parsed = p256.Signature.fromBytes(Buffer.from(signature, 'base64'), 'der');
  for (const recovery of [0, 1]) {
    const point = p256.recoverPublicKey(parsed.addRecoveryBit(recovery).toBytes('recovered'), message);
    const uncompressed = p256.Point.fromBytes(point).toBytes(false);
    if (!ours.subarray(-65).equals(uncompressed))
      return Buffer.concat([ours.subarray(0, -65), uncompressed]).toString('base64');
  }
  throw new Error('no other key');
}

function dropSet(entry: LogEntry): LogEntry {
  const { signedEntryTimestamp: dropped, ...rest } = entry;
  return dropped === undefined ? entry : rest;
}
