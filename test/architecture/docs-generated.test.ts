import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { chartFiles } from '../../scripts/chart/chart-files.ts';
import { withBlocks } from '../../scripts/docs/blocks.ts';
import { DOCUMENTED } from '../../scripts/docs/errors.ts';
import { generatedBlocks } from '../../scripts/docs/generated.ts';
import { ERROR_CODES } from '../../src/errors/code.ts';
import { codeSpans, headings, ROOT, section, tableRows, textOf } from '../support/markdown.ts';

const generated = Object.entries(await generatedBlocks(ROOT));

function filesBelow(folder: string): readonly string[] {
  return readdirSync(`${ROOT}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
}

describe('the generated parts of the documents', () => {
  it.each(generated)('of %s are what the code says: npm run docs', (file, blocks) => {
    const text = textOf(file);
    expect(withBlocks(text, blocks)).toBe(text);
  });

  it('have a place each, and no place is left over', () => {
    for (const [file, blocks] of generated) {
      const places = [...textOf(file).matchAll(/<!-- generated: (.+?) \(/g)].map(([, name]) => name);
      expect(places).toEqual(Object.keys(blocks));
    }
  });

  it('cannot be put into a document without a place for them', () => {
    expect(() => withBlocks('# A document\n', { table: 'text' })).toThrow(/no place/);
  });
});

const ofTheChart = Object.entries(await chartFiles(ROOT));

describe('the generated files of the chart', () => {
  it.each(ofTheChart)('such as %s are what the code says: npm run docs', (file, content) => {
    expect(textOf(file)).toBe(content);
  });
});

describe('docs/errors.md', () => {
  it('explains every code and every reason, each once', () => {
    const explained = headings(textOf('docs/errors.md')).filter((title) =>
      /^[A-Z]+(?:_[A-Z]+)*$/.test(title),
    );
    expect(explained.toSorted()).toEqual(DOCUMENTED.toSorted());
  });

  it.each(DOCUMENTED)('says of %s what it means and what to do', (code) => {
    const paragraphs = section(textOf('docs/errors.md'), code)
      .trim()
      .split(/\n{2,}/);
    expect(paragraphs.length).toBeGreaterThanOrEqual(2);
  });
});

describe('every error code', () => {
  const own = 'test/architecture/docs-generated.test.ts';
  const tests = filesBelow('test')
    .filter((name) => name.endsWith('.test.ts') && name !== own)
    .map(textOf)
    .join('\n');

  it.each(ERROR_CODES)('%s is named by a test', (code) => {
    expect(tests).toMatch(new RegExp(`\\b${code}\\b`));
  });
});

describe('the log events of docs/metrics.md', () => {
  const CALL = /\blogger(?:\.(error|warn|info|debug)|\[[^\]]+\])\(\s*'([^']+)'/g;
  const calls = filesBelow('src').flatMap((name) =>
    [...textOf(name).matchAll(CALL)].map(([, level, event = '']) => ({ level, event })),
  );
  const rows = tableRows(section(textOf('docs/metrics.md'), 'Log events'));
  const documented = new Map(rows.map(([event = '', levels = '']) => [codeSpans(event)[0] ?? '', levels]));

  it('are those that the code logs', () => {
    expect([...documented.keys()].toSorted()).toEqual(
      [...new Set(calls.map(({ event }) => event))].toSorted(),
    );
  });

  it('have the level that the code logs them at', () => {
    const wrong = calls.filter(
      ({ level, event }) => level !== undefined && !documented.get(event)?.includes(level),
    );
    expect(wrong).toEqual([]);
  });

  it('are logged under a name each, not one made at run time', () => {
    const all = filesBelow('src')
      .filter((name) => name !== 'src/observe/logger.ts')
      .flatMap((name) => [...textOf(name).matchAll(/\blogger(?:\.(?:error|warn|info|debug)|\[)/g)]);
    expect(calls.length).toBe(all.length);
  });
});
