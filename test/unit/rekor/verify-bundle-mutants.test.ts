import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LoggedStatement } from '../../../src/ledger/evidence.ts';
import { makeEvidenceVerifier } from '../../../src/rekor/verify-bundle.ts';
import { loggedIn, makePaperLog } from '../../support/sample-evidence.ts';
import { makeTestSigner, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];
interface Mutant {
  readonly title: string;
  readonly bundle: LoggedStatement['bundle'];
}

const EXPECTED = /^(LOG_ENTRY_INVALID|LOG_PROOF_INVALID|RECORD_INVALID|IDENTITY_MISMATCH)$/;

describe.each(['rekor-v2', 'rekor-v1'] as const)('a bundle of %s', (kind) => {
  const log = makePaperLog(kind);
  const verifier = makeEvidenceVerifier({ keys: [makeTestSigner().spki], identities: [], logs: [log.trust] });

  it('is accepted unchanged and refused in each of more than 60 mutants', async () => {
    const signed = await signedStatement();
    const { bundle } = loggedIn(log, signed);
    const mutants = mutantsOf(JSON.parse(JSON.stringify(bundle)) as Json);
    expect(mutants.length).toBeGreaterThan(60);
    for (const mutant of mutants) {
      const code = await codeOf(() => verifier.verify({ ...signed, bundle: mutant.bundle }));
      expect([mutant.title, code]).toEqual([mutant.title, expect.stringMatching(EXPECTED)]);
      expect(await codeOf(() => verifier.verify({ ...signed, bundle }))).toBeUndefined();
    }
  });

  it('is refused with any one character of it changed', async () => {
    const signed = await signedStatement();
    const { bundle } = loggedIn(log, signed);
    const text = JSON.stringify(bundle);
    const change = fc.record({
      at: fc.nat(text.length - 1),
      to: fc.constantFrom(...Array.from('AZaz09+/= {}":,\\n')),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to }) => {
        const changed = parse(text.slice(0, at) + to + text.slice(at + 1));
        if (changed === undefined || JSON.stringify(changed) === text) return;
        expect(await codeOf(() => verifier.verify({ ...signed, bundle: changed }))).toMatch(EXPECTED);
      }),
      { numRuns: 300 },
    );
  });
});

/** Every value of a document in turn removed, replaced, spoilt, or given company. */
function mutantsOf(document: Json): Mutant[] {
  const mutants: Mutant[] = [];
  const add = (title: string, path: Path, change: (old: Json) => Json | undefined) => {
    const bundle = parse(JSON.stringify(replace(document, path, change)));
    if (bundle !== undefined) mutants.push({ title: `${title} ${path.join('.')}`, bundle });
  };
  for (const path of pathsOf(document)) {
    add('without', path, () => undefined);
    for (const [title, value] of [
      ['null in', null],
      ['a number in', 7],
      ['nothing in', ''],
      ['a list in', []],
    ] as const) {
      if (!(title === 'a list in' && path.at(-1) === 'hashes')) add(title, path, () => value as Json);
    }
    add('spoilt', path, spoil);
    add('company in', path, (old) =>
      Array.isArray(old) ? [...old, ...(old.length > 0 ? old : ['AAAA'])] : { ...asObject(old), more: 1 },
    );
  }
  return mutants;
}

function spoil(old: Json): Json {
  if (typeof old !== 'string') return 'spoilt';
  return /^[0-9]+$/.test(old) ? String(Number(old) + 1) : `${old.startsWith('B') ? 'C' : 'B'}${old.slice(1)}`;
}

function pathsOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}

function replace(
  value: Json,
  [key, ...rest]: Path,
  change: (old: Json) => Json | undefined,
): Json | undefined {
  if (key === undefined) return change(value);
  if (Array.isArray(value))
    return value.map((child, i) => (String(i) === key ? (replace(child, rest, change) ?? null) : child));
  const entries = Object.entries(asObject(value)).map(([name, child]) => [
    name,
    name === key ? replace(child, rest, change) : child,
  ]);
  return Object.fromEntries(entries) as Json;
}

function asObject(value: Json): { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
}

function parse(text: string): LoggedStatement['bundle'] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as LoggedStatement['bundle']) : undefined;
  } catch {
    return undefined;
  }
}
