import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertDepth, parseBoundedJson } from '../../../src/rekor/bounded-json.ts';
import { parseLogEntry, printLogEntry, type LogEntry } from '../../../src/rekor/log-entry.ts';
import { makePaperLog } from '../../support/sample-evidence.ts';

const sample = makePaperLog('rekor-v1').entry(Buffer.from('{}'));
const printed = printLogEntry(sample);
const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));
const count = fc.maxSafeNat();

const entry: fc.Arbitrary<LogEntry> = fc.record({
  logIndex: count,
  logId: hash,
  version: fc.constantFrom('0.0.1' as const, '0.0.2' as const),
  integratedTime: count,
  proof: fc.record({
    index: count,
    treeSize: count,
    rootHash: hash,
    hashes: fc.array(hash, { maxLength: 64 }),
    checkpoint: fc.string(),
  }),
  body: hash,
});

describe('parseLogEntry', () => {
  it('reads what printLogEntry writes', () => {
    fc.assert(fc.property(entry, (each) => expect(parseLogEntry(printLogEntry(each))).toEqual(each)));
    expect(parseLogEntry(printed)).toEqual(sample);
  });

  it('takes an absent promise, and the one that Rekor v2 sends as null, for none', () => {
    for (const inclusionPromise of [null, undefined]) {
      expect(parseLogEntry({ ...printed, inclusionPromise }).signedEntryTimestamp).toBeUndefined();
    }
  });

  it.each([
    ['an unknown field', { ...printed, more: 1 }],
    ['a number for a count', { ...printed, logIndex: 1 }],
    ['a negative count', { ...printed, logIndex: '-1' }],
    ['a count with a leading zero', { ...printed, logIndex: '01' }],
    ['a count that no double can hold', { ...printed, logIndex: '9007199254740993' }],
    ['another kind', { ...printed, kindVersion: { kind: 'dsse', version: '0.0.2' } }],
    ['another version', { ...printed, kindVersion: { kind: 'hashedrekord', version: '0.0.3' } }],
    ['a short log ID', { ...printed, logId: { keyId: 'AAAA' } }],
    ['no proof', { ...printed, inclusionProof: null }],
    ['base64 with stray bits', { ...printed, canonicalizedBody: 'AB==' }],
    ['base64url', { ...printed, canonicalizedBody: '__8=' }],
    ['nothing', undefined],
  ])('refuses %s', (_, json) => {
    expect(() => parseLogEntry(json)).toThrow();
  });
});

describe('parseBoundedJson', () => {
  const limits = { maxBytes: 20, maxDepth: 2 };

  it('reads JSON within its limits', () => {
    expect(parseBoundedJson(Buffer.from('{"a":[1,null]}'), limits)).toEqual({ a: [1, null] });
  });

  it.each([
    ['too long', `"${'x'.repeat(20)}"`],
    ['too deep', '{"a":[{}]}'],
    ['no JSON', '{'],
    ['nothing', ''],
  ])('refuses what is %s', (_, text) => {
    expect(() => parseBoundedJson(Buffer.from(text), limits)).toThrow();
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(() => parseBoundedJson(Buffer.from([0x22, 0xff, 0x22]), limits)).toThrow();
  });

  it('measures depth without running out of stack', () => {
    let deep: unknown = 0;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect(() => {
      assertDepth(deep, 12);
    }).toThrow(RangeError);
  });
});
