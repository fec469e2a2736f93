import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { blindedClaimId } from '../../../src/ledger/claim-id.ts';
import type { Privacy } from '../../../src/ledger/record.ts';
import { checkBlindingKey } from '../../../src/protocol/blinding-key-check.ts';
import type { RecordStore, StateStore } from '../../../src/protocol/ports.ts';
import { makeMemoryState } from '../../support/memory-state.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const KEY = Buffer.alloc(32, 1);
const OTHER_KEY = Buffer.alloc(32, 2);
const PRIVATE = 'registry.example.com/team/app';

let state: StateStore;
let store: RecordStore;
let events: string[];

beforeEach(() => {
  state = makeMemoryState();
  store = makeMemoryStore();
  events = [];
});

interface How {
  readonly key?: Uint8Array;
  readonly scope?: string;
  readonly privacy?: 'auto' | Privacy;
  readonly list?: RecordStore['list'];
}

function start({ key = KEY, scope = 'default', privacy = 'auto', list = (s) => store.list(s) }: How = {}) {
  const logger = { ...SILENT, warn: (event: string) => void events.push(event) };
  return codeOf(() =>
    checkBlindingKey({ state, store: { list }, scope, privacy, blindingKey: key, logger }, signal),
  );
}

/** A blinded record, as an older version left it. */
async function reserveBlinded(key: Uint8Array, tag = '1', scope = 'default'): Promise<void> {
  const reference = `${PRIVATE}:${tag}`;
  const claimId = blindedClaimId(key, scope, reference);
  await store.reserve(sampleRecord(reference, { privacy: 'blinded', claimId, scope }), signal);
}

describe('checkBlindingKey', () => {
  it('takes any key on a first start, and the same ever after', async () => {
    expect(await start()).toBeUndefined();
    expect(await start()).toBeUndefined();
  });

  it('refuses a changed key, although no record tells', async () => {
    await start();
    expect(await start({ key: OTHER_KEY })).toBe('KEY_INVALID');
    expect(await start()).toBeUndefined();
  });

  it('does not read the records when the fingerprint is there', async () => {
    await start();
    const list = () => {
      throw new Error('the records were read');
    };
    expect(await start({ list })).toBeUndefined();
    expect(await start({ key: OTHER_KEY, list })).toBe('KEY_INVALID');
  });

  it('takes another key for another scope', async () => {
    await start();
    expect(await start({ key: OTHER_KEY, scope: 'other' })).toBeUndefined();
    expect(await start({ key: KEY, scope: 'other' })).toBe('KEY_INVALID');
  });

  it('says what happens otherwise and what to do, without the key and without a private name', async () => {
    await reserveBlinded(KEY);
    await start();
    for (const fresh of [state, makeMemoryState()]) {
      state = fresh;
      const parts = {
        state,
        store,
        scope: 'default',
        privacy: 'auto',
        blindingKey: OTHER_KEY,
        logger: SILENT,
      } as const;
      const error = await checkBlindingKey(parts, signal).then(undefined, (thrown: unknown) => thrown);
      const message = error instanceof AppError ? error.message : '';
      expect(message).toMatch(/every private tag would look new.*restore the key.*new scope/);
      expect(message).not.toContain('team');
      expect(message).not.toContain(OTHER_KEY.toString('hex'));
    }
  });

  it('leaves no fingerprint from which the key or its use in the log can be told', async () => {
    const written: string[] = [];
    const spied: StateStore = {
      ...state,
      write(name, document, signal_) {
        written.push(name, document.text);
        return state.write(name, document, signal_);
      },
    };
    await checkBlindingKey(
      { state: spied, store, scope: 'default', privacy: 'auto', blindingKey: KEY, logger: SILENT },
      signal,
    );
    expect(written).toHaveLength(2);
    const [, text] = written;
    await checkBlindingKey(
      { state: spied, store, scope: 'other', privacy: 'auto', blindingKey: KEY, logger: SILENT },
      signal,
    );
    expect(written[3]).not.toBe(text);
    expect(written.join()).not.toContain(KEY.toString('hex'));
    expect(written[1]).not.toContain(blindedClaimId(KEY, 'default', ''));
  });

  describe('beside records of an older version', () => {
    it('takes the key that made them, and remembers it', async () => {
      await reserveBlinded(KEY);
      expect(await start()).toBeUndefined();
      store = makeMemoryStore();
      expect(await start({ key: OTHER_KEY })).toBe('KEY_INVALID');
    });

    it('refuses another key, and does not remember it', async () => {
      await reserveBlinded(KEY);
      expect(await start({ key: OTHER_KEY })).toBe('KEY_INVALID');
      expect(await start({ key: OTHER_KEY })).toBe('KEY_INVALID');
      expect(await start()).toBeUndefined();
    });

    it('is not misled by a blinded record of another scope, nor by plain ones', async () => {
      await reserveBlinded(OTHER_KEY, '1', 'other');
      await store.reserve(sampleRecord(), signal);
      expect(await start()).toBeUndefined();
    });

    it('takes the key that made some record, beside one that somebody has changed and one that cannot be read', async () => {
      await reserveBlinded(OTHER_KEY, '1');
      await reserveBlinded(KEY, '2');
      const list: RecordStore['list'] = async function* (signal_) {
        yield { name: 't-broken', error: new Error('broken') };
        yield* store.list(signal_);
      };
      expect(await start({ list })).toBeUndefined();
    });

    it('looks at 10,000 records and no more', async () => {
      let count = 0;
      const list: RecordStore['list'] = async function* () {
        for (; ; count += 1) yield { record: sampleRecord(), version: '1' };
      };
      expect(await start({ list })).toBeUndefined();
      expect(count).toBeLessThanOrEqual(10_000);
    });
  });

  describe('where names are plain, so that the key is not used', () => {
    it('lets it change', async () => {
      await store.reserve(sampleRecord(), signal);
      expect(await start({ privacy: 'plain' })).toBeUndefined();
      expect(await start({ privacy: 'plain', key: OTHER_KEY })).toBeUndefined();
      expect(await start({ privacy: 'plain' })).toBeUndefined();
    });

    it('refuses a changed key when a name was blinded before', async () => {
      await reserveBlinded(KEY);
      expect(await start()).toBeUndefined();
      expect(await start({ privacy: 'plain', key: OTHER_KEY })).toBe('KEY_INVALID');
    });
  });

  it('lets one of two keys win when two processes start first at once', async () => {
    const outcomes = await Promise.all([
      start(),
      start({ key: OTHER_KEY }),
      start(),
      start({ key: OTHER_KEY }),
    ]);
    const refused = outcomes[0] === undefined ? [undefined, 'KEY_INVALID'] : ['KEY_INVALID', undefined];
    expect(outcomes).toEqual([...refused, ...refused]);
  });

  it.each(['', '{}', 'hmac-sha256 00', `hmac-sha256 ${'0'.repeat(64)}`, `hmac-sha256 ${'G'.repeat(64)}\n`])(
    'does not take the document %j for a fingerprint, nor for none',
    async (text) => {
      const broken: StateStore = { ...state, read: () => Promise.resolve({ text, version: '1' }) };
      state = broken;
      expect(await start()).toBe('KEY_INVALID');
    },
  );

  it.each([
    ['warns of records that are all of another scope', ['old'], ['scope.changed']],
    ['says nothing beside one of this scope', ['old', 'default'], []],
    ['says nothing where there is none', [], []],
  ])('%s', async (_what, scopes, expected) => {
    for (const [i, scope] of scopes.entries()) await reserveBlinded(KEY, String(i), scope);
    expect(await start()).toBeUndefined();
    expect(events).toEqual(expected);
    await start();
    expect(events).toEqual(expected);
  });

  it('says nothing of other scopes beside a plain record of this one', async () => {
    await store.reserve(sampleRecord(), signal);
    await reserveBlinded(KEY, '1', 'old');
    await start();
    expect(events).toEqual([]);
  });
});
