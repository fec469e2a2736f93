import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/api.ts';
import { recordObject, storedRecord } from '../../../src/kube/record-object.ts';
import { digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const packed = (text: string) => gzipSync(text).toString('base64');
const LOG = { kind: 'embedded', url: 'http://log.test', origin: 'log.test', index: 7, uuid: 'ab' };

/** The resource with these fields in place of its own, one level down where they are mappings. */
function changed(object: KubeObject, field: string, change: Readonly<Record<string, unknown>>): KubeObject {
  return { ...object, [field]: Object.assign({}, object[field], change) };
}

describe('a record as a resource', () => {
  it.each([{}, { phase: 'Lost' as const }, { generation: 3, log: { ...LOG, time: '2026-11-02T10:00:00Z' } }])(
    'with %j is what it was when it is read again',
    async (change) => {
      const record = sampleRecord(undefined, change);
      const object = await recordObject(record);
      const stored = { ...object, metadata: { ...object.metadata, resourceVersion: '7' } };
      expect(await storedRecord(stored)).toEqual({ record, version: '7' });
    },
  );

  it('may hold what the scan and others have written', async () => {
    const object = await recordObject(sampleRecord());
    const observed = changed(object, 'status', { observed: { state: 'Moved' }, conditions: [] });
    expect((await storedRecord(observed)).record).toEqual(sampleRecord());
  });

  it.each([
    ['spec', { digest: digestOfB }],
    ['spec', { tag: 'other' }],
    ['spec', { scope: undefined }],
    ['status', { phase: 'Confirmed' }],
    ['status', { shortDigest: 'b'.repeat(12) }],
    ['status', { log: LOG }],
    ['metadata', { name: `t-${'0'.repeat(40)}` }],
  ])('is refused when its %s has %j, and its evidence has not', async (field, change) => {
    const object = await recordObject(sampleRecord());
    expect(await codeOf(() => storedRecord(changed(object, field, change)))).toBe('RECORD_INVALID');
  });

  it.each([
    ['missing', undefined],
    ['no base64', '{}'],
    ['no gzip', Buffer.from('hello').toString('base64')],
    ['no JSON', packed('hello')],
    ['no record', packed('{}')],
    ['a bomb', packed(' '.repeat(50_000_000))],
    ['the record of another tag', packed(JSON.stringify(sampleRecord('docker.io/library/busybox:1')))],
  ])('is refused when its evidence is %s', async (_what, evidence) => {
    const object = { ...(await recordObject(sampleRecord())), evidence };
    expect(await codeOf(() => storedRecord(object))).toBe('RECORD_INVALID');
  });

  it('is not written above 256 KiB', async () => {
    const record = { ...sampleRecord(), reservedAt: { origin: 'x'.repeat(262_144), treeSize: 7 } };
    expect(await codeOf(() => recordObject(record))).toBe('RECORD_INVALID');
  });
});
