import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LoggedStatement, SignedStatement } from '../../../src/ledger/evidence.ts';
import { assembleBundle } from '../../../src/rekor/bundle.ts';
import { entryBody, entryParts } from '../../../src/rekor/entry.ts';
import { trustedRootFor } from '../../../src/rekor/trusted-root.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../../../src/rekor/verify-bundle.ts';
import { CODE_SIGNING, ISSUER, makeFakeCa, makeFakeCtLog, NOW, SAN } from '../../support/fake-ca.ts';
import {
  certify,
  keylessTrust,
  makePaperSigstore,
  signWith,
  stamped,
} from '../../support/keyless-evidence.ts';
import { makePaperLog } from '../../support/sample-evidence.ts';
import { makeTestSigner, NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { verifyPlainly } from '../../support/verify-plainly.ts';

const STATEMENT = '{"text":"a statement"}';
const sigstore = await makePaperSigstore();
const stranger = await makeFakeCa({ name: 'stranger' });
const otherLog = makeFakeCtLog();
const logs = { 'rekor-v1': makePaperLog('rekor-v1'), 'rekor-v2': makePaperLog('rekor-v2') };

/** Whether @sigstore/verify as it comes accepts it, with the trusted root that `tagseal verify --save` writes. */
function isPlainlyGood(trust: EvidenceTrust, { statement, bundle, verifier }: LoggedStatement): boolean {
  try {
    verifyPlainly({
      statement: Buffer.from(statement),
      bundle: JSON.stringify(bundle),
      trustedRoot: JSON.stringify(trustedRootFor(trust.logs[0], trust.sigstore)),
      ...(verifier.kind === 'publicKey'
        ? { publicKey: makeTestSigner().publicKeyPem }
        : { identity: { san: SAN, issuer: ISSUER } }),
    });
    return true;
  } catch {
    return false;
  }
}

/** Sometimes good, often bad in one way or two. */
const variation = fc.record({
  kind: fc.constantFrom('rekor-v1' as const, 'rekor-v2' as const),
  name: often(SAN, `${SAN}2`),
  issuer: often(ISSUER, `${ISSUER}2`),
  purposes: often([CODE_SIGNING], [], [CODE_SIGNING, '1.3.6.1.5.5.7.3.1']),
  age: often(60, 0, 600, 601, -1),
  ca: often(sigstore.ca, stranger),
  promises: often([sigstore.ctlog], [], [otherLog], [sigstore.ctlog, otherLog]),
  ctlogs: often([sigstore.ctlog.trust], [], [otherLog.trust], [otherLog.trust, sigstore.ctlog.trust]),
  authorities: often([sigstore.ca.authority], [stranger.authority, sigstore.ca.authority], []),
  stamp: often<number | undefined>(0, undefined, 540, 541, -61),
  time: often(NOW / 1_000, NOW / 1_000 - 60, NOW / 1_000 + 540, NOW / 1_000 + 541),
});

function often<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    ...others.map((other) => fc.constant(other)),
  );
}

type Variation = typeof variation extends fc.Arbitrary<infer T> ? T : never;

async function recordOf(wish: Variation): Promise<{ trust: EvidenceTrust; logged: LoggedStatement }> {
  const issued = await certify(
    { ...sigstore, ca: wish.ca },
    {
      names: [{ type: 'url', value: wish.name }],
      issuer: wish.issuer,
      purposes: wish.purposes,
      notBefore: NOW - wish.age * 1_000,
      promisedTo: wish.promises,
    },
  );
  const plain = signWith(issued, STATEMENT);
  const isStamped = wish.stamp !== undefined && (wish.kind === 'rekor-v2' || wish.stamp !== 0);
  const signed = isStamped ? stamped(sigstore, plain, { time: NOW + (wish.stamp ?? 0) * 1_000 }) : plain;
  const log = logs[wish.kind];
  const trust = keylessTrust(log, {
    ...sigstore.trust,
    ctlogs: wish.ctlogs,
    certificateAuthorities: wish.authorities,
  });
  return { trust, logged: logged(wish.kind, signed, wish.time) };
}

function logged(kind: keyof typeof logs, signed: SignedStatement, time?: number): LoggedStatement {
  return {
    ...signed,
    bundle: assembleBundle(signed, logs[kind].entry(entryBody(kind, entryParts(signed)), time)),
  };
}

describe('what the verifier accepts', () => {
  it('is accepted by @sigstore/verify, too, whatever varies', async () => {
    const seen = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(variation, async (wish) => {
        const { trust, logged: record } = await recordOf(wish);
        const code = await codeOf(() => makeEvidenceVerifier(trust).verify(record));
        if (code === undefined) expect(isPlainlyGood(trust, record)).toBe(true);
        seen[code === undefined ? 'accepted' : 'refused'] += 1;
      }),
      { numRuns: 120 },
    );
    expect(seen.accepted).toBeGreaterThan(10);
    expect(seen.refused).toBeGreaterThan(10);
  });

  it.each(['rekor-v1', 'rekor-v2'] as const)(
    'is accepted by @sigstore/verify by a key on %s',
    async (kind) => {
      const signer = makeTestSigner();
      const plain = await signer.sign(STATEMENT, NEVER);
      const trust = { ...keylessTrust(logs[kind], sigstore.trust), keys: [signer.spki] };
      for (const signed of [plain, stamped(sigstore, plain)]) {
        const record = logged(kind, signed);
        expect(await codeOf(() => makeEvidenceVerifier(trust).verify(record))).toBeUndefined();
        expect(isPlainlyGood(trust, record)).toBe(true);
      }
    },
  );

  it.each([
    ['no fraction', '20260921141320Z', true],
    ['three digits', '20260921141320.123Z', true],
    // RFC 3161 allows them; @sigstore/core reads milliseconds alone
    ['one digit', '20260921141320.1Z', false],
    ['six digits', '20260921141320.123456Z', false],
  ])('has a timestamp with %s of a second', async (_, written, isPlain) => {
    const signed = stamped(sigstore, signWith(await certify(sigstore), STATEMENT), { written });
    const record = logged('rekor-v2', signed);
    const trust = keylessTrust(logs['rekor-v2'], sigstore.trust);
    expect(await codeOf(() => makeEvidenceVerifier(trust).verify(record))).toBeUndefined();
    expect(isPlainlyGood(trust, record)).toBe(isPlain);
  });
});
