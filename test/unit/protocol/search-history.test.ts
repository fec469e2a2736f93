import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import type { SignedStatement } from '../../../src/ledger/evidence.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LogSearch } from '../../../src/protocol/ports.ts';
import { makeHeadTail } from '../../../src/protocol/head-tail.ts';
import { makeSearchHistory } from '../../../src/protocol/search-history.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const verifierPart = { kind: 'publicKey', spki: 'MFk=' } as const;
const signedBy = (who: string): SignedStatement => ({
  statement: 's',
  signature: who,
  verifier: verifierPart,
});

type Indexed = readonly [index: number, who: string];

interface Scene {
  readonly treeSize?: number;
  /** Where the index says that there are entries, and by whom. */
  readonly indexed?: readonly Indexed[];
  /** The same, some at a time. */
  readonly batches?: readonly (readonly Indexed[])[];
  /** Index of the entry with this process's own signature. */
  readonly held?: number;
  readonly deterministic?: boolean;
  readonly fail?: { readonly at: 'head' | 'candidates' | 'held' | 'verify'; readonly code: ErrorCode };
}

function setUp({ treeSize = 100, indexed = [], batches, held, deterministic = true, fail }: Scene) {
  const asked: number[] = [];
  const verified: string[] = [];
  const check = (at: string) => {
    if (fail?.at === at) throw new AppError({ code: fail.code, message: 'told to fail' });
  };
  const search: LogSearch = {
    async *candidates() {
      check('candidates');
      for (const batch of batches ?? [indexed]) {
        asked.push(batch.length);
        yield batch.map(([index, who]) => ({ index, body: Buffer.from(who) }));
      }
    },
    async held({ signature }) {
      check('held');
      return held !== undefined && signature === 'active' ? { index: held } : undefined;
    },
  };
  const head = makeHeadTail({
    origin: 'log',
    lifetime: signal,
    head: {
      async treeSize() {
        check('head');
        return treeSize;
      },
    },
  });
  const history = makeSearchHistory({
    head,
    search,
    signer: { deterministic, sign: async () => signedBy('active') },
    verifier: {
      candidate: (body) =>
        Buffer.from(body).toString('utf8') === 'passer-by' ? undefined : statementDigest('s'),
      own: async (_, body) => {
        const who = Buffer.from(body).toString('utf8');
        verified.push(who);
        return who === 'stranger' ? undefined : signedBy(who);
      },
      verify: async ({ bundle }) => {
        check('verify');
        return { logIndex: Number(bundle['index']), logId: '', uuid: '', checkpoint: '' };
      },
    },
  });
  return { history, asked, verified };
}

const historyOf = (scene: Scene) => setUp(scene).history;

describe('makeSearchHistory', () => {
  it.each<{ readonly scene: Scene; readonly found: readonly [number, string] | undefined }>([
    { scene: {}, found: undefined },
    { scene: { held: 7 }, found: [7, 'active'] },
    { scene: { indexed: [[5, 'retired']], held: 7 }, found: [5, 'retired'] },
    { scene: { indexed: [[9, 'retired']], held: 7 }, found: [7, 'active'] },
    { scene: { indexed: [[5, 'stranger']] }, found: undefined },
    {
      scene: {
        indexed: [
          [8, 'b'],
          [6, 'a'],
        ],
        deterministic: false,
      },
      found: [6, 'a'],
    },
    { scene: { held: 7, deterministic: false }, found: undefined },
    { scene: { held: 100 }, found: undefined },
    { scene: { indexed: [[100, 'retired']] }, found: undefined },
  ])('finds $found where there is $scene', async ({ scene, found }) => {
    const history = historyOf(scene);
    await history.ready(signal);
    const entry = await history.earliest('s', signal);
    expect(entry && [entry.index, entry.signed.signature]).toEqual(found);
  });

  it('looks no further than an entry of ours, and verifies no signature of who names none of us', async () => {
    const batches = [
      [[1, 'passer-by'] as const, [2, 'stranger'] as const],
      [[120, 'too new'] as const],
      [[9, 'retired'] as const, [8, 'retired'] as const],
      [[3, 'never asked for'] as const],
    ];
    const { history, asked, verified } = setUp({ batches, deterministic: false });
    await history.ready(signal);
    expect((await history.earliest('s', signal))?.index).toBe(8);
    expect([asked.length, verified]).toEqual([3, ['stranger', 'too new', 'retired', 'retired']]);
  });

  it('asks secretly for nothing that can be guessed: what only the index names is missed', async () => {
    const history = historyOf({ indexed: [[5, 'retired']], held: 7 });
    await history.ready(signal);
    expect(await history.earliest('s', signal, 'secretly')).toMatchObject({ index: 7 });
    const searchless = historyOf({ fail: { at: 'candidates', code: 'LOG_UNAVAILABLE' } });
    await searchless.ready(signal);
    expect(await searchless.earliest('s', signal, 'secretly')).toBeUndefined();
  });

  it.each<NonNullable<Scene['fail']>>([
    { at: 'candidates', code: 'LOG_UNAVAILABLE' },
    { at: 'candidates', code: 'LOG_CROWDED' },
    { at: 'held', code: 'LOG_UNAVAILABLE' },
    { at: 'verify', code: 'LOG_PROOF_INVALID' },
  ])('never takes $code of $at for "none"', async (fail) => {
    const history = historyOf({ held: 7, fail });
    await history.ready(signal);
    expect(await codeOf(() => history.earliest('s', signal))).toBe(fail.code);
  });

  it('is not ready without the log’s end', async () => {
    const history = historyOf({ fail: { at: 'head', code: 'LOG_UNAVAILABLE' } });
    expect(await codeOf(() => history.ready(signal))).toBe('LOG_UNAVAILABLE');
  });

  it('gives the bundle of an entry, and refuses an entry that the log does not give', async () => {
    const history = historyOf({ held: 7 });
    expect(await history.bundleOf({ index: 7, signed: signedBy('active') }, signal)).toEqual({ index: 7 });
    const gone = { index: 5, signed: signedBy('retired') };
    expect(await codeOf(() => history.bundleOf(gone, signal))).toBe('LOG_ENTRY_INVALID');
  });
});
