import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseChallenges } from '../../../src/registry/challenge.ts';
import type { Challenge } from '../../../src/registry/challenge.ts';
import { codeOf } from '../../support/throw-with-code.ts';

type Plain = readonly [string, Record<string, string>];

function plain(challenges: readonly Challenge[]): readonly Plain[] {
  return challenges.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

const HUB =
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push"';

const good: readonly { headers: readonly string[]; challenges: readonly Plain[] }[] = [
  { headers: [], challenges: [] },
  { headers: ['  , '], challenges: [] },
  {
    headers: [HUB],
    challenges: [
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:library/alpine:pull,push',
        },
      ],
    ],
  },
  {
    headers: ['Basic realm="a", charset="UTF-8"'],
    challenges: [['basic', { realm: 'a', charset: 'UTF-8' }]],
  },
  { headers: ['BASIC Realm=a'], challenges: [['basic', { realm: 'a' }]] },
  {
    headers: ['Bearer realm=https://r.example/t'],
    challenges: [['bearer', { realm: 'https://r.example/t' }]],
  },
  { headers: ['Bearer realm = "a" , service\t=b'], challenges: [['bearer', { realm: 'a', service: 'b' }]] },
  {
    headers: ['Negotiate', 'Basic realm="x, Bearer y=z"'],
    challenges: [
      ['negotiate', {}],
      ['basic', { realm: 'x, Bearer y=z' }],
    ],
  },
  {
    headers: ['Negotiate abc/+==, Basic realm="q\\"u\\\\o",,Bearer realm="r",service="s"'],
    challenges: [
      ['negotiate', {}],
      ['basic', { realm: 'q"u\\o' }],
      ['bearer', { realm: 'r', service: 's' }],
    ],
  },
];

const bad: readonly string[] = [
  'realm="a"',
  'Bearer realm="a',
  'Bearer realm="a" service="b"',
  'Bearer realm="a",realm="b"',
  'Bearer Basic realm="a"',
  'Bearer realm="a";service="b"',
  '"Bearer"',
  'Bearer realm="a"x',
  'Bearer =a',
  'Bearer realm="a\\',
  `Bearer realm="${'a'.repeat(8 * 1024)}"`,
  'Basic, '.repeat(17),
];

describe('parseChallenges', () => {
  it.each(good.map((row) => ({ ...row, title: JSON.stringify(row.headers) })))(
    'reads $title',
    ({ headers, challenges }) => {
      expect(plain(parseChallenges(headers))).toEqual(challenges);
    },
  );

  it.each(bad.map((header) => ({ header, title: JSON.stringify(header.slice(0, 50)) })))(
    'refuses $title',
    async ({ header }) => {
      expect(await codeOf(() => parseChallenges([header]))).toBe('REGISTRY_ANSWER_INVALID');
    },
  );

  it('accepts 16 challenges, over several headers', () => {
    expect(parseChallenges(Array.from({ length: 4 }, () => 'A, B, C, D')).length).toBe(16);
  });

  it('reads back whatever is printed with quotes', () => {
    const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
    const value = fc.stringMatching(/^[ -~]{0,20}$/);
    const parameters = fc.uniqueArray(fc.tuple(token, value), {
      maxLength: 4,
      selector: ([name]) => name.toLowerCase(),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 5 }), (challenges) => {
        const printed = challenges.map(([scheme, list]) => {
          const pairs = list.map(([name, text]) => `${name}="${text.replace(/["\\]/g, '\\$&')}"`);
          return `${scheme} ${pairs.join(', ')}`.trim();
        });
        const expected = challenges.map(([scheme, list]) => [
          scheme.toLowerCase(),
          Object.fromEntries(list.map(([name, text]) => [name.toLowerCase(), text])),
        ]);
        expect(plain(parseChallenges([printed.join(', ')]))).toEqual(expected);
        expect(plain(parseChallenges(printed))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('throws nothing but its own error for junk', async () => {
    const piece = fc.constantFrom(
      'Bearer',
      'realm',
      '=',
      '"',
      '\\',
      ',',
      ' ',
      '\t',
      'a/b',
      ';',
      'é',
      '\u0000',
    );
    const junk = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 30 }).map((list) => list.join('')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(junk, { maxLength: 3 }), async (headers) => {
        expect([undefined, 'REGISTRY_ANSWER_INVALID']).toContain(
          await codeOf(() => parseChallenges(headers)),
        );
      }),
      { numRuns: 500 },
    );
  });
});
