import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { findImages } from '../../../../src/cli/pin/find-images.ts';
import { parseSource } from '../../../../src/cli/pin/parse-documents.ts';
import { splice } from '../../../../src/cli/pin/splice.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const pinned = (image: string) => `${image}@${DIGEST}`;

const image = fc.constantFrom('alpine:3.16', 'ghcr.io/acme/api:1.4.2', 'localhost:5000/x:y', 'a/b_c.d:T-1');
const eol = fc.constantFrom('\n', '\r\n');
const comment = fc.constantFrom('', ' # note', '  # image: alpine:3.16', ' #');
const written = fc.tuple(image, fc.constantFrom('', '"', "'")).map(([text, q]) => `${q}${text}${q}`);

/** A container in one of the ways in which people write them; lines without their indentation. */
const container = fc
  .record({
    written,
    image,
    comment,
    style: fc.constantFrom('block', 'flow', 'literal', 'none', 'tagged'),
    other: fc.constantFrom(
      'name: x',
      'args: ["image: alpine:3.16", b]',
      'env: [{name: image, value: alpine:3.16}]',
    ),
  })
  .map(({ style, written: text, image: name, comment: note, other }): readonly string[] => {
    switch (style) {
      case 'flow':
        return [`- {image: ${text}, ${other}}${note}`];
      case 'literal':
        return [`- image: |-${note}`, `    ${name}`, `  ${other}`];
      case 'tagged':
        return [`- image: !!str ${text}${note}`, `  ${other}`];
      case 'none':
        return [`- ${other}${note}`];
      default:
        return [`- ${other}`, `  image: ${text}${note}`];
    }
  });

const document = fc
  .record({
    key: fc.constantFrom('containers', 'initContainers', 'ephemeralContainers'),
    containers: fc.array(container, { minLength: 1, maxLength: 4 }),
    indent: fc.constantFrom('', '  ', '     '),
    around: fc.constantFrom(
      'kind: Pod',
      'image: alpine:3.16',
      '# containers: []',
      'data: {image: "alpine:3.16"}',
    ),
  })
  .map(({ key, containers, indent, around }) => [
    around,
    'spec:',
    ` ${key}: # the list`,
    ...containers.flat().map((line) => ` ${indent}${line}`),
  ]);

const file = fc
  .record({ documents: fc.array(document, { minLength: 1, maxLength: 3 }), eol, bom: fc.boolean() })
  .map(({ documents, eol: end, bom }) => {
    const text = documents.map((lines) => lines.join(end) + end).join(`---${end}`);
    return (bom ? '\ufeff' : '') + text;
  });

const parse = (text: string) => parseSource('x', new TextEncoder().encode(text));
const valuesOf = (text: string): unknown => parseAllDocuments(text).map((each) => each.toJS() as unknown);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value with the image of each container changed, found in another way than by the code under test. */
function withImages(value: unknown, change: (image: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withImages(item, change));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, child]) => {
    if (!/^containers$|Containers$/.test(key) || !Array.isArray(child))
      return [key, withImages(child, change)];
    return [key, child.map((item: unknown) => withImage(item, change))];
  });
  return Object.fromEntries(entries) as unknown;
}

function withImage(item: unknown, change: (image: string) => string): unknown {
  if (!isObject(item) || typeof item['image'] !== 'string') return item;
  return { ...item, image: change(item['image']) };
}

describe('pinning a file', () => {
  it('changes the value of every container image and of nothing else', () => {
    fc.assert(
      fc.property(file, (text) => {
        const spots = findImages(parse(text));
        const after = splice(text, spots, new Map(spots.map((spot) => [spot.image, pinned(spot.image)])));
        expect(valuesOf(after)).toEqual(withImages(valuesOf(text), pinned));
      }),
      { numRuns: 150 },
    );
  });

  it('keeps every byte outside of the images', () => {
    fc.assert(
      fc.property(file, (text) => {
        const spots = findImages(parse(text));
        const after = splice(text, spots, new Map(spots.map((spot) => [spot.image, pinned(spot.image)])));
        const outside = spots.reduceRight(
          (rest, { start, end, image: name }) =>
            rest.slice(0, start) +
            rest.slice(start, end).replace(new RegExp(`${name}(?=\\S*\\s*$)`), '') +
            rest.slice(end),
          text,
        );
        expect(after.length).toBe(text.length + spots.length * (DIGEST.length + 1));
        expect(spots.reduce((rest, { image: name }) => rest.replace(pinned(name), ''), after)).toBe(outside);
      }),
      { numRuns: 150 },
    );
  });

  it('is the identity when nothing is to be pinned', () => {
    fc.assert(
      fc.property(file, (text) => {
        expect(splice(text, findImages(parse(text)), new Map())).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses junk by nothing but an error of ours', async () => {
    const junk = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            'containers:',
            '- ',
            'image: ',
            '&a ',
            '*a',
            '<<: ',
            '{',
            '}',
            '[',
            ']',
            '|-',
            '>',
            '\n',
            '\r\n',
            '  ',
          ),
          fc.constantFrom(
            '"',
            "'",
            '---\n',
            '...\n',
            '? ',
            ': ',
            '!!str ',
            '!!binary ',
            '%YAML 1.1\n',
            '\0',
            '\t',
            '#',
            'alpine',
          ),
          fc.string({ maxLength: 5, unit: 'binary' }),
        ),
        { maxLength: 25 },
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(junk, async (text) => {
        expect([undefined, 'DOCUMENT_INVALID']).toContain(await codeOf(() => findImages(parse(text))));
      }),
      { numRuns: 1000 },
    );
  });
});
