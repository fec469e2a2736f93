import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { GenerationFound, ImportOutcome, ListedTag } from '../../../../src/cli/ports.ts';
import { filesOf } from '../../../../src/cli/archive/record-files.ts';
import { readArchive } from '../../../../src/cli/archive/read-archive.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../../src/errors/code.ts';
import type { TagRecord } from '../../../../src/ledger/record.ts';
import { recordName } from '../../../../src/ledger/tag-record.ts';
import { acceptedBy, CERTIFICATE, cliRecord, verified } from '../../../support/cli-records.ts';
import { KEYLESS, PUBLIC_KEY, setUpCli, type CliChange } from '../../../support/cli-setup.ts';
import { FORMAT_ENTRY, paperArchive, type PaperEntry } from '../../../support/paper-archive.ts';
import { digestOfB, sampleRecord } from '../../../support/sample-record.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { tagReference } from '../../../support/verdicts.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const BUSYBOX = 'docker.io/library/busybox:1';
const alpine = cliRecord(ALPINE);
const moved = acceptedBy(
  { by: 'jane', reason: 'rebuilt' },
  cliRecord(ALPINE, { generation: 1, digest: digestOfB, index: 40 }),
);
const busybox = cliRecord(BUSYBOX, { verifier: CERTIFICATE });
const broken = new AppError({ code: 'RECORD_INVALID', message: 'the signature is not ours' });

type Store = Readonly<Record<string, readonly GenerationFound[]>>;
const STORE: Store = { [BUSYBOX]: [verified(busybox)], [ALPINE]: [verified(alpine), verified(moved)] };

/** A store of these records, listed in this order. */
function storeOf(store: Store, listed: readonly ListedTag[] = [], io: CliChange['io'] = {}) {
  return setUpCli({
    io,
    runtime: {
      async *tags() {
        for (const name of Object.keys(store)) yield { kind: 'tag', reference: tagReference(name) };
        yield* listed;
      },
      generations: async ({ canonical }) => store[canonical] ?? [],
    },
  });
}

async function archiveOf(store: Store, folder: string): Promise<string> {
  const file = join(folder, 'ledger.tar.gz');
  expect((await storeOf(store).run('export', '--output-file', file)).code).toBe(0);
  return file;
}

/** Remembers what is imported; answers by the folder's name. */
function importer(
  answers: Readonly<Record<string, ImportOutcome | ErrorCode>> = {},
  io: CliChange['io'] = {},
) {
  const asked: { record: TagRecord; dryRun: boolean }[] = [];
  const setup = setUpCli({
    io,
    runtime: {
      async importRecord(record, { dryRun }) {
        asked.push({ record, dryRun });
        const answer = answers[recordName(record.claimId, record.generation)] ?? { kind: 'imported' };
        if (typeof answer !== 'string') return answer;
        throw new AppError({ code: answer, message: `told to fail with ${answer}` });
      },
    },
  });
  return { ...setup, asked };
}

const nameOf = (record: TagRecord) => recordName(record.claimId, record.generation);

describe('tagseal export and import', () => {
  it('brings every record back as it was, the generations of a tag in order', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const { asked, run } = importer();
    expect(await run('import', file)).toEqual({
      code: 0,
      stdout: '3 imported, 0 present already\n',
      stderr: '',
      stillOpen: 0,
    });
    expect(asked).toEqual([alpine, moved, busybox].map((record) => ({ record, dryRun: false })));
  });
});

describe('tagseal export', () => {
  it('says how many, writes a private file, and leaves nothing else behind', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'ledger.tar.gz');
    await writeFile(file, 'an older export');
    const { code, stdout, stderr } = await storeOf(STORE).run('export', '--output-file', file);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '3 records exported\n', stderr: '' });
    expect(await readdir(folder.path)).toEqual(['ledger.tar.gz']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('gives the same bytes for the same ledger, in whatever order the store lists it', async () => {
    const reversed = Object.fromEntries(Object.entries(STORE).reverse());
    const one = await storeOf(STORE).run('export');
    const two = await storeOf(reversed).run('export', '--output-file', '-');
    expect(one.bytes?.length).toBeGreaterThan(500);
    expect(one.bytes?.equals(two.bytes ?? Buffer.of())).toBe(true);
    expect({ ...one, bytes: undefined }).toEqual({ code: 0, stdout: '', stderr: '', stillOpen: 0 });
  });

  it('has no time and no owner in it', async () => {
    const { bytes = Buffer.of() } = await storeOf(STORE).run('export');
    const tar = gunzipSync(bytes);
    const octal = (from: number, to: number) => parseInt(tar.toString('latin1', from, to), 8);
    expect({ uid: octal(108, 116), gid: octal(116, 124), mtime: octal(136, 148) }).toEqual({
      uid: 0,
      gid: 0,
      mtime: 0,
    });
    expect(bytes.readUInt32LE(4)).toBe(0);
  });

  it('holds statements and bundles for other tools, and says how to check them', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const tar = gunzipSync(await readFile(file)).toString('latin1');
    for (const text of [
      `${nameOf(alpine)}/claim.json`,
      `${nameOf(moved)}/binding.sigstore.json`,
      `${nameOf(moved)}/approval.json`,
      'trusted_root.json',
      PUBLIC_KEY,
      JSON.stringify(KEYLESS.issuer),
      'cosign verify-blob --key ../tagseal.pub --bundle binding.sigstore.json --trusted-root ../trusted_root.json binding.json\n',
      `cosign verify-blob --certificate-identity ${KEYLESS.identity} --certificate-oidc-issuer ${KEYLESS.issuer} --bundle binding.sigstore.json --trusted-root ../trusted_root.json --insecure-ignore-sct binding.json\n`,
    ]) {
      expect(tar).toContain(text);
    }
    const records: string[] = [];
    for await (const { folder: name, files } of readArchive(file, new AbortController().signal)) {
      records.push(name);
      if (name === nameOf(alpine)) expect(files.get('binding.json')).toBe(alpine.binding.statement);
    }
    expect(records).toEqual([alpine, moved, busybox].map(nameOf));
  });

  it('exports the named tags alone', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'one.tar.gz');
    const { stdout } = await storeOf(STORE).run('export', 'busybox:1', 'busybox:1', '--output-file', file);
    expect(stdout).toBe('1 record exported\n');
  });

  it('leaves out what is only reserved, and counts it', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'x.tar.gz');
    const reserved: GenerationFound = { kind: 'verified', record: sampleRecord(BUSYBOX), logged: false };
    const { run } = storeOf({ ...STORE, [BUSYBOX]: [reserved] });
    expect((await run('export', '--output-file', file)).stdout).toBe(
      '2 records exported, 1 reserved and not in the log yet left out\n',
    );
    const { stdout } = await run('export', '--output-file', file, '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({ file, exported: 2, reserved: 1, failed: 0 });
  });

  it('names what does not verify, writes the rest, and exits 4', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'x.tar.gz');
    const store: Store = { ...STORE, [BUSYBOX]: [{ kind: 'broken', generation: 0, error: broken }] };
    const { run } = storeOf(store, [{ kind: 'broken', name: 't-1.json', error: broken }]);
    const { code, stdout, stderr } = await run('export', '--output-file', file);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '2 records exported\n' });
    expect(stderr).toBe(
      'tagseal: t-1.json: the signature is not ours\n' +
        `tagseal: ${BUSYBOX}, generation 0: the signature is not ours\n` +
        'tagseal: the archive is written without these\n',
    );
  });

  it('exits 1 for a named tag without a record', async () => {
    const { code, stderr } = await storeOf(STORE).run('export', 'redis:7');
    expect(code).toBe(1);
    expect(stderr).toContain('not recorded: docker.io/library/redis:7');
  });

  it('writes no file when the store fails midway', async () => {
    await using folder = await makeTempFolder();
    const outage = new AppError({ code: 'STORE_UNAVAILABLE', message: 'the store is down' });
    const { run } = setUpCli({
      runtime: {
        async *tags() {
          yield { kind: 'tag', reference: tagReference(ALPINE) };
        },
        generations: () => Promise.reject(outage),
      },
    });
    const { code, stderr } = await run('export', '--output-file', join(folder.path, 'x.tar.gz'));
    expect({ code, stderr }).toEqual({ code: 3, stderr: 'tagseal: the store is down\n' });
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('leaves no file behind when it is stopped midway, wherever that is', async () => {
    await using folder = await makeTempFolder();
    const large = (): GenerationFound => {
      const bundle = { filler: randomBytes(100_000).toString('base64') };
      return verified({ ...alpine, binding: { ...alpine.binding, bundle } });
    };
    for (const stopAt of [1, 2, 5, 20]) {
      const stop = new AbortController();
      let asked = 0;
      const { run } = setUpCli({
        io: { signal: stop.signal },
        runtime: {
          async *tags() {
            for (let i = 0; i < 50; i++) yield { kind: 'tag', reference: tagReference(`alpine:${i}`) };
          },
          async generations() {
            asked += 1;
            if (asked === stopAt) stop.abort();
            return [large()];
          },
        },
      });
      const file = join(folder.path, 'x.tar.gz');
      const { code, stderr } = await run('export', '--output-file', file);
      expect({ code, stderr }).toEqual({ code: 130, stderr: 'tagseal: interrupted\n' });
      expect(await readdir(folder.path)).toEqual([]);
    }
  });

  it.each([
    { argv: ['--output-file', '/nowhere/x.tar.gz'], io: {}, hint: '"/nowhere/x.tar.gz"' },
    { argv: ['-o', 'json'], io: {}, hint: '--output-file' },
    { argv: [], io: { outputIsTerminal: true }, hint: 'terminal' },
    { argv: ['Not A Reference'], io: {}, hint: 'Not A Reference' },
  ])('exits 2 with one line for $argv and $io', async ({ argv, io, hint }) => {
    const { code, stderr } = await storeOf(STORE, [], io).run('export', ...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
    expect(stderr).toContain(hint);
  });

  it('exits 2 when the folder cannot be written to', async () => {
    await using folder = await makeTempFolder();
    await chmod(folder.path, 0o500);
    const blocked = join(folder.path, 'file', 'x.tar.gz');
    expect((await storeOf(STORE).run('export', '--output-file', blocked)).code).toBe(2);
  });

  it('shows progress on a terminal', async () => {
    const { stderr } = await storeOf(STORE, [], { isTerminal: true }).run('export');
    expect(stderr).toBe('\r\u001b[Kexporting 1/2\r\u001b[K');
  });
});

describe('tagseal import', () => {
  it('tells what is there already, refuses another digest for a known record, and exits 4', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const answers = {
      [nameOf(alpine)]: { kind: 'present' },
      [nameOf(moved)]: { kind: 'conflict', recorded: alpine.digest },
    } as const;
    const { code, stdout, stderr } = await importer(answers).run('import', file);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '1 imported, 1 present already, 1 refused\n' });
    expect(stderr).toBe(
      `tagseal: ${nameOf(moved)}: ${ALPINE}, generation 1 is ${digestOfB} in the archive and ${alpine.digest} in the store; a record is never replaced\n`,
    );
    expect(JSON.parse((await importer(answers).run('import', file, '-o', 'json')).stdout)).toEqual({
      dryRun: false,
      imported: 1,
      present: 1,
      conflicts: [
        { name: nameOf(moved), reference: ALPINE, generation: 1, digest: digestOfB, recorded: alpine.digest },
      ],
      failed: [],
    });
  });

  it('names a record that does not verify, imports the others, and exits 4', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const { asked, run } = importer({ [nameOf(alpine)]: 'LOG_PROOF_INVALID' });
    const { code, stdout, stderr } = await run('import', file);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '2 imported, 0 present already, 1 refused\n' });
    expect(stderr).toBe(`tagseal: ${nameOf(alpine)}: told to fail with LOG_PROOF_INVALID\n`);
    expect(asked).toHaveLength(3);
  });

  it.each<ErrorCode>(['STORE_UNAVAILABLE', 'INTERNAL', 'CONFIG_INVALID'])(
    'ends at once on %s',
    async (fail) => {
      await using folder = await makeTempFolder();
      const file = await archiveOf(STORE, folder.path);
      const { code, stdout } = await importer({ [nameOf(alpine)]: fail }).run('import', file);
      expect(code).not.toBe(0);
      expect(stdout).toBe('');
    },
  );

  it('verifies and writes nothing in a dry run', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const { asked, run } = importer();
    const { stdout } = await run('import', file, '--dry-run');
    expect(stdout).toBe('3 would be imported, 0 present already\n');
    expect(asked.map(({ dryRun }) => dryRun)).toEqual([true, true, true]);
  });

  it('reads standard input', async () => {
    await using folder = await makeTempFolder();
    const bytes = await readFile(await archiveOf(STORE, folder.path));
    const { asked, run } = importer(
      {},
      {
        async *stdin() {
          yield bytes.subarray(0, 100);
          yield bytes.subarray(100);
        },
      },
    );
    expect((await run('import', '-')).code).toBe(0);
    expect(asked).toHaveLength(3);
  });

  it('stops midway when it is told to', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    const stop = new AbortController();
    const { run } = setUpCli({
      io: { signal: stop.signal },
      runtime: {
        importRecord: async () => {
          stop.abort();
          throw stop.signal.reason;
        },
      },
    });
    expect(await run('import', file)).toMatchObject({ code: 130, stderr: 'tagseal: interrupted\n' });
  });

  it('writes nothing of an archive that is damaged at its end', async () => {
    await using folder = await makeTempFolder();
    const file = await archiveOf(STORE, folder.path);
    await writeFile(file, (await readFile(file)).subarray(0, -10));
    const { asked, run } = importer();
    const { code, stderr } = await run('import', file);
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(stderr).toMatch(/^tagseal: cannot use archive [^\n]+\n$/);
  });

  const folder = nameOf(alpine);
  it.each<{ readonly name: string; readonly entries: readonly PaperEntry[] }>([
    { name: 'no record.json', entries: [{ name: `${folder}/claim.json`, body: '{}' }] },
    { name: 'a record.json that is no JSON', entries: [{ name: `${folder}/record.json`, body: '{' }] },
    { name: 'a record.json that is a list', entries: [{ name: `${folder}/record.json`, body: '[]' }] },
    { name: 'an empty record.json', entries: [{ name: `${folder}/record.json`, body: '{}' }] },
    {
      name: 'deep JSON',
      entries: [{ name: `${folder}/record.json`, body: `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}` }],
    },
  ])('exits 4 and names a record with $name', async ({ entries }) => {
    await using place = await makeTempFolder();
    const file = join(place.path, 'x.tar.gz');
    await writeFile(file, await paperArchive([FORMAT_ENTRY, ...entries]));
    const { asked, run } = importer();
    const { code, stderr } = await run('import', file);
    expect({ code, asked }).toEqual({ code: 4, asked: [] });
    expect(stderr).toMatch(new RegExp(`^tagseal: ${folder}: [^\\n]+\\n$`));
  });

  it('exits 4 for a record under the name of another', async () => {
    await using place = await makeTempFolder();
    const file = join(place.path, 'x.tar.gz');
    const entries = filesOf(alpine).map(([name, body]) => ({ name: `${nameOf(busybox)}/${name}`, body }));
    await writeFile(file, await paperArchive([FORMAT_ENTRY, ...entries]));
    const { asked, run } = importer();
    expect((await run('import', file)).code).toBe(4);
    expect(asked).toEqual([]);
  });

  it.each(['/nowhere/x.tar.gz', '/'])('exits 2 for %j', async (file) => {
    const { code, stderr } = await importer().run('import', file);
    expect(code).toBe(2);
    expect(stderr).toContain(JSON.stringify(file));
  });

  it('shows progress on a terminal', async () => {
    await using place = await makeTempFolder();
    const file = await archiveOf(STORE, place.path);
    const { stderr } = await importer({}, { isTerminal: true }).run('import', file);
    expect(stderr).toBe('\r\u001b[Kimporting 1/3\r\u001b[Kimporting 2/3\r\u001b[K');
  });
});
