import { describe, expect, it } from '@jest/globals';
import type { StateStore } from '../../../src/protocol/ports.ts';
import { codeOf } from '../../support/throw-with-code.ts';

export interface StateUnderTest extends AsyncDisposable {
  readonly state: StateStore;
  /** The same documents through another instance, as a second process sees them. */
  readonly again: () => StateStore;
}

const { signal } = new AbortController();

/** Counts up by compare-and-swap until it has won `times` times. */
async function countUp(state: StateStore, name: string, times: number): Promise<void> {
  for (let won = 0; won < times;) {
    const before = await state.read(name, signal);
    const text = String(Number(before?.text ?? 0) + 1);
    const outcome = await state.write(name, { text, version: before?.version }, signal);
    if (outcome === 'written') won += 1;
  }
}

/** What every StateStore promises. */
export function stateContract(kind: string, open: () => Promise<StateUnderTest>): void {
  describe(`the state contract: ${kind}`, () => {
    const write = (state: StateStore, text: string, version?: string) =>
      state.write('tail.log-1', { text, version }, signal);
    const read = (state: StateStore) => state.read('tail.log-1', signal);

    it('has no document that nobody wrote', async () => {
      await using opened = await open();
      expect(await read(opened.state)).toBeUndefined();
    });

    it('gives a document as it was written, also to another instance', async () => {
      await using opened = await open();
      const text = '{"a":"é\u{1F600}\\n"}\n\n';
      expect(await write(opened.state, text)).toBe('written');
      expect((await read(opened.state))?.text).toBe(text);
      expect((await read(opened.again()))?.text).toBe(text);
    });

    it('keeps an empty document apart from none', async () => {
      await using opened = await open();
      await write(opened.state, '');
      expect((await read(opened.again()))?.text).toBe('');
      expect(await write(opened.state, 'again')).toBe('conflict');
    });

    it('keeps documents of different names apart', async () => {
      await using opened = await open();
      const names = ['a', 'a.1', 'a.1.1', 'a-1', '1', '.', '..', '-', 'x'.repeat(63)];
      for (const name of names) {
        expect(await opened.state.write(name, { text: name, version: undefined }, signal)).toBe('written');
      }
      for (const name of names) expect((await opened.again().read(name, signal))?.text).toBe(name);
    });

    it('lets one of many first writers win, and keeps what it wrote', async () => {
      await using opened = await open();
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, i) => write(i % 2 ? opened.state : opened.again(), String(i))),
      );
      expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
      expect((await read(opened.state))?.text).toBe(String(outcomes.indexOf('written')));
    });

    it('lets one of many writers of a version win, and keeps what it wrote', async () => {
      await using opened = await open();
      await write(opened.state, 'first');
      const version = (await read(opened.state))?.version;
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          write(i % 2 ? opened.state : opened.again(), String(i), version),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
      expect((await read(opened.again()))?.text).toBe(String(outcomes.indexOf('written')));
    });

    it('refuses each version that was written over, however long ago', async () => {
      await using opened = await open();
      const versions: (string | undefined)[] = [undefined];
      for (let i = 0; i < 40; i += 1) {
        expect(await write(opened.state, String(i), versions.at(-1))).toBe('written');
        versions.push((await read(opened.state))?.version);
      }
      expect(new Set(versions).size).toBe(41);
      for (const version of versions.slice(0, -1)) {
        expect(await write(opened.again(), 'late', version)).toBe('conflict');
      }
      expect((await read(opened.state))?.text).toBe('39');
    });

    it.each(['0', '2', '-1', '1e0', ' 1', '', 'x'])(
      'refuses the version %j that it never gave',
      async (version) => {
        await using opened = await open();
        expect(await write(opened.state, 'x', version)).toBe('conflict');
        await write(opened.state, 'first');
        expect(await write(opened.state, 'x', version)).toBe('conflict');
        expect((await read(opened.state))?.text).toBe('first');
      },
    );

    it('counts each of the writes of several instances that race', async () => {
      await using opened = await open();
      await Promise.all(
        [opened.state, opened.again(), opened.again()].map((state) => countUp(state, 'n', 20)),
      );
      expect((await opened.state.read('n', signal))?.text).toBe('60');
    });

    it.each(['', 'A', 'a/b', '../a', 'a b', 'a_b', 'é', 'a\n', 'a\0', 'x'.repeat(64)])(
      'refuses the name %j',
      async (name) => {
        await using opened = await open();
        expect(await codeOf(() => opened.state.read(name, signal))).toBe('INTERNAL');
        expect(await codeOf(() => opened.state.write(name, { text: '', version: undefined }, signal))).toBe(
          'INTERNAL',
        );
      },
    );

    it('takes 256 KiB of text and not a byte more', async () => {
      await using opened = await open();
      const longest = 'é'.repeat(131_072);
      expect(await codeOf(() => write(opened.state, `${longest}x`))).toBe('INTERNAL');
      expect(await read(opened.state)).toBeUndefined();
      expect(await write(opened.state, longest)).toBe('written');
      expect((await read(opened.again()))?.text).toBe(longest);
    });

    it.each([
      ['NUL', 'a\0b'],
      ['half a surrogate pair', '\ud800'],
    ])('refuses text with %s', async (_what, text) => {
      await using opened = await open();
      expect(await codeOf(() => write(opened.state, text))).toBe('INTERNAL');
    });
  });
}
