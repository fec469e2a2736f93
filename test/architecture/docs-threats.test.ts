import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT, section, tableRows, textOf } from '../support/markdown.ts';

const DOC = textOf('docs/threat-model.md');
const SECTIONS = ['Attacks on what runs', 'Attacks on the evidence', 'Attacks through the doors'];

const rows = SECTIONS.flatMap((heading) =>
  tableRows(section(DOC, heading)).map(([asset = '', attacker = '', , , proof = '']) => {
    const [, file = '', title = ''] = /^`([^`]+)` "(.+)"$/.exec(proof) ?? [];
    return { asset, attacker, proof, file, title: title.replaceAll('\\"', '"') };
  }),
);

/** A title as a test's source may spell it. */
function hasTitle(source: string, title: string): boolean {
  const quoted = [`'${title}'`, `\`${title}\``, `"${title.replaceAll('"', '\\"')}"`];
  return quoted.some((text) => source.includes(text));
}

describe('the threat model', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows)('names for $asset, against $attacker, a test that exists, or is open', (row) => {
    if (row.proof === '**open**') return;
    expect(row).toMatchObject({
      file: expect.stringMatching(/^test\/.+\.test\.ts$/),
      title: expect.stringMatching(/./),
    });
    expect({ file: row.file, exists: existsSync(join(ROOT, row.file)) }).toEqual({
      file: row.file,
      exists: true,
    });
    expect({ title: row.title, found: hasTitle(textOf(row.file), row.title) }).toEqual({
      title: row.title,
      found: true,
    });
  });

  it.each([
    'registry',
    'log',
    'store',
    'clock',
    'DNS',
    'network',
    'configuration',
    'signing key',
    'API server',
  ])('says how far the %s is trusted', (dependency) => {
    const sentences = section(DOC, 'What is trusted, and how far').match(/^\*\*.+?\*\*/gm) ?? [];
    expect(sentences.filter((sentence) => sentence.includes(dependency)).length).toBe(1);
  });
});
