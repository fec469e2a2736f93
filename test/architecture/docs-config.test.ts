import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/read-config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { DEFAULT_RULE, parsePolicy, parseRule } from '../../src/policy/parse-policy.ts';
import { compilePolicy, ruleFor } from '../../src/policy/rule-for.ts';
import { parseReference } from '../../src/reference/parse-reference.ts';
import { PUBLIC_REGISTRIES } from '../../src/reference/public-registries.ts';
import {
  codeBlocks,
  codeSpans,
  markdownFiles,
  section,
  tableRows,
  textOf,
  type CodeBlock,
} from '../support/markdown.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const SECTIONS = new Set(SETTINGS.map(({ path }) => path.split('.')[0] ?? ''));

interface Example extends CodeBlock {
  readonly where: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** YAML blocks whose first key is a setting. */
const examples: readonly Example[] = markdownFiles().flatMap((file) =>
  codeBlocks(textOf(file))
    .filter(({ language }) => language === 'yaml')
    .flatMap((block) => {
      const value: unknown = parse(block.text);
      if (!isMapping(value) || !SECTIONS.has(Object.keys(value)[0] ?? '')) return [];
      return [{ ...block, value, where: `${file}:${block.line}` }];
    }),
);

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pathsOf(value: unknown, path = ''): readonly string[] {
  if (SETTINGS.some((setting) => setting.path === path)) return [path];
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    pathsOf(child, path === '' ? key : `${path}.${key}`),
  );
}

describe('the configurations in the documents', () => {
  it('are found', () => {
    expect(examples.length).toBeGreaterThan(6);
  });

  it.each(examples)('at $where can be read', async ({ text }) => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'tagseal.yaml'), text);
    expect(() => readConfig({ environment: {}, workingDirectory: folder.path })).not.toThrow();
  });

  it('show every setting in docs/configuration.md', () => {
    const shown = examples
      .filter(({ where }) => where.startsWith('docs/configuration.md'))
      .flatMap(({ value }) => pathsOf(value));
    expect([...new Set(shown)].toSorted()).toEqual(SETTINGS.map(({ path }) => path).toSorted());
  });

  it('have policies that can be read, as variables too', () => {
    const texts = codeBlocks(textOf('docs/policies.md')).map(({ text }) => text);
    const variables = texts.flatMap((text) => [...text.matchAll(/TAGSEAL_POLICIES='([^']+)'/g)]);
    expect(variables.length).toBe(1);
    for (const [, json = ''] of variables) expect(parsePolicy(JSON.parse(json)).rules.length).toBe(1);
  });
});

describe('the globs of docs/policies.md', () => {
  const rows = tableRows(section(textOf('docs/policies.md'), 'Globs'));
  const cases = rows.flatMap(([pattern = '', matching = '', other = '']) => {
    const [glob = ''] = codeSpans(pattern);
    const row = (image: string, matches: boolean) => ({ glob, image, matches });
    return [
      ...codeSpans(matching).map((image) => row(image, true)),
      ...codeSpans(other)
        .filter((image) => image !== 'latest')
        .map((image) => row(image, false)),
    ];
  });

  it.each(cases)('$glob against $image: $matches', ({ glob, image, matches }) => {
    const policy = compilePolicy(parsePolicy([{ name: 'this', match: { images: [glob] } }]));
    const match = ruleFor(policy, parseReference(image));
    expect(match.kind === 'rule' && match.rule.name === 'this').toBe(matches);
  });
});

/** The refusal of a wrong value lists the right ones. */
function valuesOf(field: string): readonly string[] {
  try {
    parseRule({ match: { images: ['**'] }, [field]: 'no such value' }, 'rule');
  } catch (error) {
    return /use one of (.+)$/.exec(String(error))?.[1]?.split(', ') ?? [];
  }
  return [];
}

describe('the fields of docs/policies.md', () => {
  const NOT_CHOICES = ['name', 'priority', 'images', 'mutableTags'];
  const choices = Object.entries(DEFAULT_RULE).filter(([field]) => !NOT_CHOICES.includes(field));

  it.each(choices)('%s has every value, the default first', async (field, fallback) => {
    const documented = tableRows(section(textOf('docs/policies.md'), field)).map(
      ([value = '']) => codeSpans(value)[0] ?? '',
    );
    expect(documented[0]).toBe(fallback);
    expect(documented.toSorted()).toEqual(valuesOf(field).toSorted());
  });
});

describe('the privacy section of docs/configuration.md', () => {
  it('names the registries whose images are plain', () => {
    const [, plain = ''] =
      /is \*\*plain\*\* for ([\s\S]+?),\s+- and/.exec(textOf('docs/configuration.md')) ?? [];
    expect(codeSpans(plain).toSorted()).toEqual([...PUBLIC_REGISTRIES].toSorted());
  });
});
