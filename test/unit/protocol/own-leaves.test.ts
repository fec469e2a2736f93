import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import {
  BLOCK_LEAVES,
  makeOwnLeaves,
  packedIndexes,
  type OwnLeaves,
} from '../../../src/protocol/own-leaves.ts';
import { codeOf } from '../../support/throw-with-code.ts';

interface Given {
  readonly gap: number;
  readonly text: string;
}

const someLeaves = fc.array(
  fc.record({ gap: fc.integer({ min: 1, max: 9 }), text: fc.constantFrom('a', 'b', 'c', 'd') }),
  {
    maxLength: 60,
  },
);

function filled(given: readonly Given[]): {
  readonly own: OwnLeaves;
  readonly plain: readonly (readonly [number, string])[];
} {
  const own = makeOwnLeaves();
  const plain: [number, string][] = [];
  let index = -1;
  for (const { gap, text } of given) {
    index += gap;
    plain.push([index, text]);
    own.add({ index, statementDigest: statementDigest(text), leafHash: leafHash(Buffer.from(text)) });
  }
  return { own, plain };
}

describe('makeOwnLeaves', () => {
  it('finds what a plain list would find, also after forgetting the last ones', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(60), (given, keep) => {
        const { own, plain } = filled(given);
        own.truncate(keep);
        const left = plain.slice(0, keep);
        expect(own.count).toBe(left.length);
        for (const text of ['a', 'b', 'c', 'd', 'e']) {
          const expected = left.flatMap(([, each], ordinal) => (each === text ? [ordinal] : []));
          expect(own.ordinals(statementDigest(text))).toEqual(expected);
        }
        for (let index = 0; index < 30; index += 1) {
          const ordinal = left.findIndex(([each]) => each === index);
          expect(own.ordinalAt(index)).toBe(ordinal < 0 ? undefined : ordinal);
        }
        expect(left.map((_, ordinal) => own.at(ordinal))).toEqual(
          left.map(([index, text]) => ({
            index,
            statementDigest: statementDigest(text),
            leafHash: Buffer.from(leafHash(Buffer.from(text))).toString('hex'),
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(someLeaves, (given) => {
        const { own, plain } = filled(given);
        const again = makeOwnLeaves();
        again.append(own.block(0));
        expect([...packedIndexes(own.block(0))]).toEqual(plain.map(([index]) => index));
        expect(plain.map((_, ordinal) => again.at(ordinal))).toEqual(
          plain.map((_, ordinal) => own.at(ordinal)),
        );
        expect(again.blockHash(0)).toEqual(own.blockHash(0));
      }),
      { numRuns: 60 },
    );
  });

  it('hashes a block anew when leaves of it were forgotten', () => {
    const given = Array.from({ length: BLOCK_LEAVES + 1 }, () => ({ gap: 1, text: 'a' }));
    const { own } = filled(given);
    const [full, begun] = [own.blockHash(0), own.blockHash(1)];
    own.truncate(BLOCK_LEAVES - 1);
    expect(own.blockHash(0)).not.toEqual(full);
    own.add({
      index: BLOCK_LEAVES - 1,
      statementDigest: statementDigest('a'),
      leafHash: leafHash(Buffer.from('a')),
    });
    expect(own.blockHash(0)).toEqual(full);
    own.add({
      index: BLOCK_LEAVES,
      statementDigest: statementDigest('a'),
      leafHash: leafHash(Buffer.from('a')),
    });
    expect(own.blockHash(1)).toEqual(begun);
  });

  it.each([
    ['a leaf before another', (own: OwnLeaves) => own.add({ ...leaf, index: 6 })],
    ['the same leaf twice', (own: OwnLeaves) => own.add({ ...leaf, index: 7 })],
    ['a digest that is none', (own: OwnLeaves) => own.add({ ...leaf, index: 8, statementDigest: 'abc' })],
    ['bytes that are cut off', (own: OwnLeaves) => own.append(own.block(0).subarray(0, 69))],
  ])('refuses %s', async (_, change) => {
    const own = makeOwnLeaves();
    own.add({ ...leaf, index: 7 });
    expect(await codeOf(() => change(own))).toBe('INTERNAL');
    expect(own.count).toBe(1);
  });
});

const leaf = { statementDigest: statementDigest('a'), leafHash: leafHash(Buffer.from('a')) };
