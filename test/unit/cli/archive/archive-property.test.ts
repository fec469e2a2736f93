import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readArchive } from '../../../../src/cli/archive/read-archive.ts';
import { filesOf, recordOf } from '../../../../src/cli/archive/record-files.ts';
import { recordName } from '../../../../src/ledger/tag-record.ts';
import { cliRecord } from '../../../support/cli-records.ts';
import { FORMAT_ENTRY, paperTar } from '../../../support/paper-archive.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const record = cliRecord('docker.io/library/alpine:3.16');
const folder = recordName(record.claimId, record.generation);
const entries = filesOf(record).map(([name, body]) => ({ name: `${folder}/${name}`, body }));
const signal = new AbortController().signal;

describe('an archive with anything in it', () => {
  it('is read, or refused as a document that cannot be used, and nothing else', async () => {
    await using place = await makeTempFolder();
    const file = join(place.path, 'archive');
    const tar = await paperTar([FORMAT_ENTRY, ...entries]);
    const change = fc.tuple(fc.nat(tar.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(tar);
        for (const [at, byte] of changes) bytes.writeUInt8(byte, at);
        await writeFile(file, gzipSync(bytes, { level: 1 }));
        const read = async () => {
          for await (const found of readArchive(file, signal))
            expect(found.folder).toMatch(/^t-[0-9a-f]{40}/);
        };
        expect([undefined, 'DOCUMENT_INVALID']).toContain(await codeOf(read));
      }),
      { numRuns: 150 },
    );
  });

  it('has records that are read, or refused as invalid, and nothing else', async () => {
    const name = fc.constantFrom(...filesOf(record).map(([file]) => file));
    await fc.assert(
      fc.asyncProperty(
        name,
        fc.oneof(fc.string(), fc.json(), fc.json({ maxDepth: 4 })),
        async (file, text) => {
          const files = new Map([...filesOf(record), [file, text] as const]);
          // a bundle may be any object until it is verified
          const code = await codeOf(() => recordOf(folder, files));
          expect([undefined, 'RECORD_INVALID']).toContain(code);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives back the record that was written, whatever its bundle holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (value) => {
        const bundle: Readonly<Record<string, unknown>> = Object.fromEntries(
          Object.entries(JSON.parse(JSON.stringify(value)) as object),
        );
        const written = { ...record, claim: { ...record.claim, bundle } };
        expect(recordOf(folder, new Map(filesOf(written)))).toEqual(written);
      }),
    );
  });
});
