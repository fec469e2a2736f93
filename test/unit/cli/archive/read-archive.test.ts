import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { ARCHIVE_LIMITS } from '../../../../src/cli/archive/format.ts';
import { readArchive } from '../../../../src/cli/archive/read-archive.ts';
import { FORMAT_ENTRY, paperArchive, paperTar, type PaperEntry } from '../../../support/paper-archive.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const A = `t-${'a'.repeat(40)}`;
const B = `t-${'b'.repeat(40)}-3`;
const claim = (folder: string): PaperEntry => ({ name: `${folder}/claim.json`, body: '{}' });
const never = new AbortController().signal;

async function read(bytes: Uint8Array, limits = {}): Promise<readonly [string, readonly string[]][]> {
  await using folder = await makeTempFolder();
  const file = join(folder.path, 'archive');
  await writeFile(file, bytes);
  const found: [string, readonly string[]][] = [];
  for await (const { folder: name, files } of readArchive(file, never, { ...ARCHIVE_LIMITS, ...limits })) {
    found.push([name, [...files.keys()]]);
  }
  return found;
}

describe('readArchive', () => {
  it('gives the records one by one, with the texts of their files', async () => {
    const entries = [FORMAT_ENTRY, claim(A), { name: `${A}/binding.json` }, claim(B), { name: 'README.txt' }];
    expect(await read(await paperArchive(entries))).toEqual([
      [A, ['claim.json', 'binding.json']],
      [B, ['claim.json']],
    ]);
  });

  it('reads an archive without records', async () => {
    expect(await read(await paperArchive([FORMAT_ENTRY]))).toEqual([]);
  });

  it.each<{ readonly name: string; readonly entries: readonly PaperEntry[] }>([
    { name: 'nothing', entries: [] },
    { name: 'no format file', entries: [claim(A)] },
    { name: 'the format under another name', entries: [{ ...FORMAT_ENTRY, name: 'README.txt' }] },
    { name: 'the format file later', entries: [claim(A), FORMAT_ENTRY] },
    {
      name: 'a newer format',
      entries: [{ ...FORMAT_ENTRY, body: '{"format":"tagseal-export","version":2}\n' }],
    },
    { name: 'the format file twice', entries: [FORMAT_ENTRY, FORMAT_ENTRY] },
    { name: 'a file twice', entries: [FORMAT_ENTRY, claim(A), claim(A)] },
    { name: 'a record twice', entries: [FORMAT_ENTRY, claim(A), claim(B), claim(A)] },
    {
      name: 'a record twice, a top file between',
      entries: [FORMAT_ENTRY, claim(A), { name: 'README.txt' }, claim(A)],
    },
    ...[
      '../evil',
      '/etc/passwd',
      `${A}/../../evil`,
      `${A}/../claim.json`,
      `./${A}/claim.json`,
      `${A}//claim.json`,
      `${A}/claim.json/x`,
      `${A}/evil.json`,
      `${A}\\claim.json`,
      `T-${'a'.repeat(40)}/claim.json`,
      `t-${'a'.repeat(39)}/claim.json`,
      `${A}-0/claim.json`,
      `${A}-01/claim.json`,
      `x/${A}/claim.json`,
      'claim.json',
      'CON',
      '',
      `${A}/claim.json\n`,
      `${A}/claim.json${'x'.repeat(200)}`,
    ].map((path) => ({ name: `the path ${JSON.stringify(path)}`, entries: [FORMAT_ENTRY, { name: path }] })),
    ...(['symlink', 'link', 'directory', 'fifo', 'block-device', 'character-device'] as const).map(
      (type) => ({
        name: `a ${type}`,
        entries: [FORMAT_ENTRY, { name: `${A}/claim.json`, type, linkname: '/etc/passwd' }],
      }),
    ),
    {
      name: 'bytes that are no text',
      entries: [FORMAT_ENTRY, { name: `${A}/claim.json`, body: Buffer.of(0xff) }],
    },
    {
      name: 'a file that is too large',
      entries: [
        FORMAT_ENTRY,
        { name: `${A}/claim.json`, body: Buffer.alloc(ARCHIVE_LIMITS.fileBytes + 1, 'x') },
      ],
    },
  ])('refuses an archive with $name', async ({ entries }) => {
    const bytes = await paperArchive(entries);
    expect(await codeOf(() => read(bytes))).toBe('DOCUMENT_INVALID');
  });

  it.each([
    { name: 'an empty file', bytes: Buffer.of() },
    { name: 'no gzip', bytes: Buffer.from('hello') },
    { name: 'a gzip of no tar', bytes: gzipSync(Buffer.alloc(4096, 'x')) },
    { name: 'a gzip of half a header', bytes: gzipSync(Buffer.alloc(100, 'x')) },
  ])('refuses $name', async ({ bytes }) => {
    expect(await codeOf(() => read(bytes))).toBe('DOCUMENT_INVALID');
  });

  it('refuses an archive that is cut at any place, or damaged', async () => {
    const whole = await paperArchive([FORMAT_ENTRY, claim(A), claim(B)]);
    for (let length = 0; length < whole.length; length += 7) {
      expect(await codeOf(() => read(whole.subarray(0, length)))).toBe('DOCUMENT_INVALID');
    }
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(60) ^ 0xff, 60);
    expect(await codeOf(() => read(damaged))).toBe('DOCUMENT_INVALID');
  });

  it('refuses an archive whose checksum is wrong', async () => {
    const bytes = await paperArchive([FORMAT_ENTRY, claim(A)]);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 8) ^ 1, bytes.length - 8);
    expect(await codeOf(() => read(bytes))).toBe('DOCUMENT_INVALID');
  });

  it('refuses a tar whose last file is cut short', async () => {
    const tar = await paperTar([FORMAT_ENTRY, claim(A)]);
    expect(await codeOf(() => read(gzipSync(tar.subarray(0, 512 + 512 + 512 + 1))))).toBe('DOCUMENT_INVALID');
  });

  it('stops at a few bytes that become many, before they do', async () => {
    const bomb = await paperArchive([
      FORMAT_ENTRY,
      ...Array.from({ length: 40 }, (_, i) => ({
        name: `${A}-${i + 1}/claim.json`,
        body: Buffer.alloc(ARCHIVE_LIMITS.fileBytes, 'x'),
      })),
    ]);
    expect(bomb.length).toBeLessThan(60_000);
    expect(await codeOf(() => read(bomb))).toBe('DOCUMENT_INVALID');
  });

  it.each([
    { limits: { entries: 2 } },
    { limits: { unpackedBytes: 2048 } },
    { limits: { packedBytes: 40 } },
    { limits: { fileBytes: 1 } },
  ])('refuses what is beyond $limits', async ({ limits }) => {
    const bytes = await paperArchive([FORMAT_ENTRY, claim(A), claim(B)]);
    expect(await codeOf(() => read(bytes))).toBe(undefined);
    expect(await codeOf(() => read(bytes, limits))).toBe('DOCUMENT_INVALID');
  });

  it('refuses a file that is not there, and a folder', async () => {
    const all = async (file: string) => {
      for await (const record of readArchive(file, never)) expect(record).toBe(undefined);
    };
    expect(await codeOf(() => all('/nowhere/archive.tar.gz'))).toBe('DOCUMENT_INVALID');
    expect(await codeOf(() => all('/'))).toBe('DOCUMENT_INVALID');
  });
});
