import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  cosignatureKeyId,
  cosignedMessage,
  parseWitnessPolicy,
  requireWitnesses,
} from '../../../src/ledger/cosignature.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog } from '../../support/tree-log.ts';

interface TestWitness {
  readonly name: string;
  readonly raw: Buffer;
  readonly privateKey: KeyObject;
  readonly vkey: string;
}

function makeWitness(name: string): TestWitness {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { name, raw, privateKey, vkey: vkeyOf(name, raw) };
}

function vkeyOf(name: string, raw: Uint8Array, type = 4, id = cosignatureKeyId(name, raw)): string {
  return `${name}+${Buffer.from(id).toString('hex')}+${Buffer.from([type, ...raw]).toString('base64')}`;
}

function timeBytes(time: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(time));
  return bytes;
}

function lineOf({ name, raw }: TestWitness, ...parts: readonly Uint8Array[]): string {
  const bytes = Buffer.concat([cosignatureKeyId(name, raw), ...parts]);
  return `\u2014 ${name} ${bytes.toString('base64')}\n`;
}

function cosign(witness: TestWitness, text: string, time: number): string {
  const message = Buffer.from(cosignedMessage(text, time));
  return lineOf(witness, timeBytes(time), sign(null, message, witness.privateKey));
}

const [a, b, c] = ['a.test/witness', 'b.test', 'c.test'].map(makeWitness);
if (a === undefined || b === undefined || c === undefined) throw new Error('three witnesses');
const log = makeTreeLog();
log.addOthers(3);
const { note } = log.checkpoint();
const text = note.slice(0, note.indexOf('\n\n') + 1);
const byA = cosign(a, text, 1_700_000_000);
const byB = cosign(b, text, 1_700_000_001);
const twoOfThree = parseWitnessPolicy([a.vkey, b.vkey, c.vkey], 2);

describe('requireWitnesses', () => {
  it('takes a checkpoint that as many witnesses have signed as must', () => {
    const stranger = cosign(makeWitness('stranger.test'), text, 1);
    expect(requireWitnesses(note + stranger + byB + byA, twoOfThree)).toEqual([
      { name: a.name, time: 1_700_000_000 },
      { name: b.name, time: 1_700_000_001 },
    ]);
  });

  it('counts a witness once, with its newest time', () => {
    const again = cosign(a, text, 1_800_000_000);
    const one = parseWitnessPolicy([a.vkey], 1);
    expect(requireWitnesses(note + byA + again, one)).toEqual([{ name: a.name, time: 1_800_000_000 }]);
    const many = parseWitnessPolicy([a.vkey, b.vkey], 2);
    expect(() => requireWitnesses(note + byA + again, many)).toThrow('these have');
  });

  const [head = ''] = text.split('\n').slice(1, 2);
  const messageOf = (body: string, time: number) => Buffer.from(cosignedMessage(body, time));
  it.each<[string, string]>([
    ['nobody has signed', note],
    ['too few have signed', note + byA],
    [
      'strangers have signed under the names of witnesses',
      note + [a, b].map(({ name }) => cosign(makeWitness(name), text, 1)).join(''),
    ],
    [
      'the text was changed after it was signed',
      (note + byA + byB).replace(`\n${head}\n`, `\n${Number(head) + 1}\n`),
    ],
    [
      'a time was changed',
      note +
        byA +
        lineOf(b, timeBytes(1_700_000_002), Buffer.from(byB.split(' ')[2] ?? '', 'base64').subarray(12)),
    ],
    [
      'a witness has signed without a time',
      note + byA + lineOf(b, sign(null, Buffer.from(text), b.privateKey)),
    ],
    [
      'a witness has signed the bare text',
      note + byA + lineOf(b, timeBytes(7), sign(null, Buffer.from(text), b.privateKey)),
    ],
    [
      'a cosignature is cut off',
      note + byA + lineOf(b, timeBytes(7), sign(null, messageOf(text, 7), b.privateKey).subarray(1)),
    ],
    [
      'a cosignature is too long',
      note + byA + lineOf(b, timeBytes(7), sign(null, messageOf(text, 7), b.privateKey), Buffer.from([0])),
    ],
    [
      'a time is beyond all numbers',
      note + byA + lineOf(b, timeBytes(2n ** 63n), sign(null, messageOf(text, 2 ** 63), b.privateKey)),
    ],
    ['one of enough cosignatures is bad', note + byA + byB + lineOf(c, timeBytes(7), Buffer.alloc(64))],
    [
      'a witness signed another checkpoint',
      note + byA + cosign(b, text.replace('tree.test', 'else.test'), 7),
    ],
    ['there is no note', 'junk'],
  ])('refuses a checkpoint when %s', async (_, bad) => {
    expect(await codeOf(() => requireWitnesses(bad, twoOfThree))).toBe('LOG_PROOF_INVALID');
  });

  it('throws nothing but its own error for junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (junk) => {
        expect(await codeOf(() => requireWitnesses(note + junk, twoOfThree))).toBe('LOG_PROOF_INVALID');
      }),
      { numRuns: 200 },
    );
  });
});

describe('parseWitnessPolicy', () => {
  it('reads keys and their quorum', () => {
    const { witnesses, quorum } = parseWitnessPolicy([a.vkey], 1);
    expect(witnesses.map(({ name }) => name)).toEqual([a.name]);
    expect(quorum).toBe(1);
  });

  it.each<[string, readonly string[], number]>([
    ['no witness', [], 1],
    ['a quorum of 0', [a.vkey], 0],
    ['a quorum above the number of witnesses', [a.vkey], 2],
    ['half a quorum', [a.vkey, b.vkey], 1.5],
    ['the same witness twice', [a.vkey, a.vkey], 1],
    ['one name with two keys', [a.vkey, vkeyOf(a.name, b.raw)], 1],
    ['one key with two names', [a.vkey, vkeyOf(b.name, a.raw)], 1],
    ['a key for plain notes', [vkeyOf(a.name, a.raw, 1)], 1],
    ['a hash that is not the key’s', [vkeyOf(a.name, a.raw, 4, b.raw.subarray(0, 4))], 1],
    ['a hash in capitals', [a.vkey.replace(/\+[0-9a-f]{8}\+/, (hash) => hash.toUpperCase())], 1],
    ['a key that is too short', [vkeyOf(a.name, a.raw.subarray(1))], 1],
    ['a name with a space', [vkeyOf('a b', a.raw)], 1],
    ['no name', [vkeyOf('', a.raw)], 1],
    ['a line feed behind it', [`${a.vkey}\n`], 1],
    ['junk', ['junk'], 1],
  ])('refuses %s', async (_, vkeys, quorum) => {
    expect(await codeOf(() => parseWitnessPolicy(vkeys, quorum))).toBe('TRUST_ROOT_INVALID');
  });
});
