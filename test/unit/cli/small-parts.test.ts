import { describe, expect, it } from '@jest/globals';
import { parseDuration } from '../../../src/cli/duration.ts';
import { printable } from '../../../src/cli/printable.ts';
import { readAtMost } from '../../../src/cli/read-at-most.ts';
import { renderFacts, renderTable, shortDigest } from '../../../src/cli/render-table.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe('parseDuration', () => {
  it.each([
    { text: '500ms', ms: 500 },
    { text: '60s', ms: 60_000 },
    { text: '2m', ms: 120_000 },
    { text: '24h', ms: 86_400_000 },
  ])('reads $text as $ms ms', ({ text, ms }) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '60', 's', '0s', '-1s', '1.5s', '25h', '1d', '60s ', '9999999999s', '1m30s', 'constructor'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow('between 1ms and 24h');
    },
  );
});

describe('renderTable', () => {
  it('aligns by what is seen, not by the bytes of a color', () => {
    const paint = (text: string) => `<${text}>`;
    const rows = [
      [{ text: 'long name' }, { text: 'ok', paint }, { text: '' }],
      [{ text: 'x' }, { text: 'moved' }, { text: 'note' }],
    ];
    expect(renderTable(['NAME', 'VERDICT', 'NOTE'], rows)).toBe(
      'NAME       VERDICT  NOTE\nlong name  <ok>\nx          moved    note\n',
    );
  });

  it('keeps a foreign text in its cell', () => {
    expect(renderTable(['A'], [[{ text: 'x\u001b[2J\ny' }]])).toBe('A\nx\\u001b[2J\\u000ay\n');
    expect(renderFacts('t\n', [['a', 'b\u202e']])).toBe('t\\u000a\n  a  b\\u202e\n');
  });

  it('shortens a digest to its first 12 hex digits', () => {
    expect(shortDigest(digestOfA)).toBe('sha256:aaaaaaaaaaaa');
  });
});

describe('printable', () => {
  it('leaves ordinary text of any language alone', () => {
    expect(printable('größe 大 "x"')).toBe('größe 大 "x"');
  });
});

describe('readAtMost', () => {
  async function* chunks(...sizes: readonly number[]) {
    for (const size of sizes) yield new Uint8Array(size);
  }

  it('gives all bytes up to the limit', async () => {
    expect((await readAtMost(chunks(3, 4), 7)).byteLength).toBe(7);
  });

  it('stops a stream that has no end', async () => {
    async function* endless() {
      for (;;) yield new Uint8Array(1000);
    }
    expect(await codeOf(() => readAtMost(endless(), 5000))).toBe('DOCUMENT_INVALID');
  });
});
