import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { recordName } from '../../../src/ledger/tag-record.ts';
import { makeDirectoryStore } from '../../../src/store/directory-store.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const record = sampleRecord();
const name = recordName(record.claimId, 0);

function open(directory: string) {
  let names = 0;
  return makeDirectoryStore({ directory, uniqueName: () => String(++names) });
}

async function plant(directory: string, text: string, version = 1): Promise<void> {
  const path = join(directory, name.slice(2, 4), `${name}.${version}.json`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

describe('makeDirectoryStore', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['is empty', ''],
    ['is cut short', JSON.stringify(record).slice(0, 200)],
    ['is no object', '[]'],
    ['lacks a field', JSON.stringify({ ...record, digest: undefined })],
    ['has a field too many', JSON.stringify({ ...record, extra: 1 })],
    ['holds the record of another tag', JSON.stringify(sampleRecord('docker.io/library/busybox:1'))],
    ['is larger than any record', JSON.stringify(record) + ' '.repeat(300_000)],
  ];
  it.each(bad)('refuses a record file that %s, and never takes it for an unknown tag', async (_why, text) => {
    await using folder = await makeTempFolder();
    await plant(folder.path, text);
    expect(await codeOf(() => open(folder.path).find(record.claimId, signal))).toBe('RECORD_INVALID');
    await open(folder.path).reserve(sampleRecord(undefined, { generation: 1 }), signal);
    expect(await codeOf(() => open(folder.path).generations(record.claimId, signal))).toBe('RECORD_INVALID');
    expect(await open(folder.path).reserve(record, signal)).toBe('exists');
  });

  it('lists a broken record as its error and goes on to the others', async () => {
    await using folder = await makeTempFolder();
    const store = open(folder.path);
    await plant(folder.path, '{');
    await store.reserve(sampleRecord('docker.io/library/busybox:1'), signal);
    const listed = [];
    for await (const stored of store.list(signal))
      listed.push('error' in stored ? stored.name : stored.record.reference);
    expect(listed.toSorted()).toEqual(['docker.io/library/busybox:1', name].toSorted());
  });

  it('leaves no file behind but the record', async () => {
    await using folder = await makeTempFolder();
    await open(folder.path).reserve(record, signal);
    await open(folder.path).reserve(record, signal);
    expect(await readdir(join(folder.path, name.slice(2, 4)))).toEqual([`${name}.1.json`]);
  });

  it('says what to do when it cannot write', async () => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, name.slice(2, 4)), 'a file where a folder belongs');
    expect(await codeOf(() => open(folder.path).reserve(record, signal))).toBe('STORE_UNAVAILABLE');
  });

  it('refuses a version that it could not find again, instead of writing it', async () => {
    await using folder = await makeTempFolder();
    const store = open(folder.path);
    await plant(folder.path, JSON.stringify(record), 999_999);
    const { version = '' } = (await store.find(record.claimId, signal)) ?? {};
    expect(await codeOf(() => store.update(record, version, signal))).toBe('RECORD_INVALID');
    expect(await readdir(join(folder.path, name.slice(2, 4)))).toEqual([`${name}.999999.json`]);
  });

  it('refuses a generation that it could not find again, instead of writing it', async () => {
    await using folder = await makeTempFolder();
    const beyond = sampleRecord(undefined, { generation: 1_000_000_000 });
    expect(await codeOf(() => open(folder.path).reserve(beyond, signal))).toBe('RECORD_INVALID');
    expect(await readdir(folder.path)).toEqual([]);
  });
});
