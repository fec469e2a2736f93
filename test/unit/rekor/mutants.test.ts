import 'reflect-metadata';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LoggedStatement } from '../../../src/ledger/evidence.ts';
import { parseSignedStatement } from '../../../src/ledger/parse-evidence.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../../../src/rekor/verify-bundle.ts';
import {
  certificateMutants,
  logMutants,
  timeMutants,
  timestampMutants,
  type EvidenceMutant,
} from '../../support/evidence-mutants.ts';
import { certify, keylessCell, signWith, stamped, type Cell } from '../../support/keyless-evidence.ts';
import { duplicateMutants, jsonMutants, swapMutants, type Json } from '../../support/json-mutants.ts';
import { loggedIn, makePaperLog } from '../../support/sample-evidence.ts';
import { makeTestSigner, NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const EXPECTED = /^(LOG_ENTRY_INVALID|LOG_PROOF_INVALID|RECORD_INVALID|IDENTITY_MISMATCH)$/;
const LEAST = 200;
const counts: string[] = [];

afterAll(() => {
  process.stdout.write(`mutants refused: ${counts.join(', ')}\n`);
});

interface MutatedCell extends Cell {
  /** Another good record of the same signer. */
  readonly other: LoggedStatement;
  readonly mutants: readonly EvidenceMutant[];
}

describe.each(['rekor-v1', 'rekor-v2'] as const)('evidence in %s', (kind) => {
  describe.each([
    ['a key', () => byKey(kind)],
    ['a certificate', () => byCertificate(kind)],
  ] as const)('by %s', (name, make) => {
    it('is refused in each of 200 mutants and more, and accepted unchanged after each', async () => {
      const { trust, logged, other, mutants } = await make();
      const verifier = makeEvidenceVerifier(trust);
      const all = [...mutants, ...documentMutants(trust, logged, other)];
      for (const mutant of all) {
        const judge = mutant.trust === trust ? verifier : makeEvidenceVerifier(mutant.trust);
        const code = await codeOf(() => judge.verify(asStored(mutant.logged)));
        expect([mutant.title, code]).toEqual([mutant.title, expect.stringMatching(EXPECTED)]);
        expect(await codeOf(() => verifier.verify(logged))).toBeUndefined();
      }
      expect(await codeOf(() => verifier.verify(other))).toBeUndefined();
      const distinct = new Set(
        all.map(({ trust: given, logged: record }) => JSON.stringify([given, record])),
      );
      expect(distinct.size).toBeGreaterThanOrEqual(LEAST);
      counts.push(`${kind} by ${name} ${distinct.size}`);
    });

    it('is refused with any one character of it changed', async () => {
      const { trust, logged } = await make();
      const verifier = makeEvidenceVerifier(trust);
      const text = JSON.stringify(logged);
      const change = fc.record({
        at: fc.nat(text.length - 1),
        to: fc.constantFrom(...Array.from('AZaz09+/= {}":,\\n')),
      });
      await fc.assert(
        fc.asyncProperty(change, async ({ at, to }) => {
          const changed = parse(text.slice(0, at) + to + text.slice(at + 1));
          if (changed === undefined || JSON.stringify(changed) === text) return;
          expect(await codeOf(() => verifier.verify(asStored(changed)))).toMatch(EXPECTED);
        }),
        { numRuns: 300 },
      );
    });
  });
});

async function byKey(kind: 'rekor-v1' | 'rekor-v2'): Promise<MutatedCell> {
  const log = makePaperLog(kind);
  const signer = makeTestSigner();
  const stranger = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'stranger' });
  const trust: EvidenceTrust = { keys: [signer.spki], identities: [], logs: [log.trust] };
  const signed = await signer.sign('{"text":"a statement"}', NEVER);
  const theirs = await stranger.sign(signed.statement, NEVER);
  const other = loggedIn(log, await signer.sign('{"text":"another"}', NEVER));
  const logged = loggedIn(log, signed);
  const cell = { log, trust, signed, logged };
  const certificate = signWith(await certify((await keylessCell(kind)).sigstore), signed.statement);
  const mutants = [
    ...logMutants(cell, other),
    { title: 'the signature of a stranger', trust, logged: loggedIn(log, theirs) },
    { title: 'the signature of a certificate', trust, logged: loggedIn(log, certificate) },
    { title: "a stranger's key", trust, logged: loggedIn(log, { ...signed, verifier: theirs.verifier }) },
    { title: 'another statement', trust, logged: loggedIn(log, { ...signed, statement: other.statement }) },
    { title: 'trust in no key', trust: { ...trust, keys: [] }, logged },
    { title: 'trust in another key', trust: { ...trust, keys: [stranger.spki] }, logged },
    { title: 'a timestamp of nobody', trust, logged: loggedIn(log, { ...signed, timestamp: 'AAAA' }) },
  ];
  return { ...cell, other, mutants };
}

async function byCertificate(kind: 'rekor-v1' | 'rekor-v2'): Promise<MutatedCell> {
  const cell = await keylessCell(kind);
  const { log, sigstore, trust, signed } = cell;
  const issued = await certify(sigstore);
  const again = signWith(issued, '{"text":"another"}');
  const other = loggedIn(log, kind === 'rekor-v1' ? again : stamped(sigstore, again));
  const byStranger = await makeTestSigner().sign(signed.statement, NEVER);
  return {
    ...cell,
    other,
    mutants: [
      ...logMutants(cell, other),
      ...(await certificateMutants(cell)),
      ...(kind === 'rekor-v1' ? timeMutants(cell) : await timestampMutants(cell, other)),
      { title: 'the signature of a key', trust, logged: loggedIn(log, byStranger) },
      {
        title: 'the signature of another key',
        trust,
        logged: loggedIn(log, { ...signed, signature: byStranger.signature }),
      },
      { title: 'another statement', trust, logged: loggedIn(log, { ...signed, statement: other.statement }) },
      {
        title: 'another certificate of ours',
        trust,
        logged: loggedIn(log, { ...signed, verifier: again.verifier }),
      },
    ],
  };
}

/** Changes to the JSON of record and bundle. */
function documentMutants(
  trust: EvidenceTrust,
  logged: LoggedStatement,
  other: LoggedStatement,
): readonly EvidenceMutant[] {
  const [document, another] = [logged, other].map((each) => JSON.parse(JSON.stringify(each)) as Json);
  if (document === undefined || another === undefined) return [];
  const mutants = [
    ...jsonMutants(document),
    ...swapMutants(document, another),
    ...duplicateMutants(document),
  ];
  return mutants.map(({ title, value }) => ({ title, trust, logged: value as unknown as LoggedStatement }));
}

/** As it comes out of a store, whose reader has refused what has not the form of a record. */
function asStored(logged: LoggedStatement): LoggedStatement {
  return { bundle: {}, ...parseSignedStatement(logged, 'record.claim') };
}

function parse(text: string): LoggedStatement | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as LoggedStatement) : undefined;
  } catch {
    return undefined;
  }
}
