import { chmod, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { applyPatch } from 'diff';
import { replaceFile, readSourceFile } from '../../../../src/cli/pin/files.ts';
import { setUpCli, type CliChange } from '../../../support/cli-setup.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../../support/sample-record.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const POD = 'kind: Pod\r\nspec:\r\n  containers:\r\n  - image: "alpine:3.16" # base\r\n    name: a\r\n';
const PINNED_POD = POD.replace('alpine:3.16', `alpine:3.16@${digestOfA}`);

function setUp(change: CliChange = {}) {
  const cli = setUpCli(change);
  cli.resolver.now(ALPINE, digestOfA);
  return cli;
}

function fromStdin(text: string, change: CliChange = {}) {
  return setUp({ ...change, io: { ...change.io, readStdin: async () => new TextEncoder().encode(text) } });
}

describe('tagseal pin FILE', () => {
  it('pins the file in place, records the tag, and says what it did', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { ledger, run } = setUp();
    const { code, stdout, stderr } = await run('pin', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`${file}:4`);
    expect(await readFile(file, 'utf8')).toBe(PINNED_POD);
    expect(await readdir(folder.path)).toEqual(['pod.yaml']);
    expect(ledger.recorded.map(({ reference }) => reference.canonical)).toEqual([ALPINE]);
  });

  it('keeps the mode, and replaces the file that a link points to', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    const link = join(folder.path, 'link.yaml');
    await writeFile(file, POD);
    await chmod(file, 0o640);
    await symlink(file, link);
    expect((await setUp().run('pin', link, file)).code).toBe(0);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await stat(file)).mode & 0o7777).toBe(0o640);
    expect(await readFile(file, 'utf8')).toBe(PINNED_POD);
  });

  it('does not touch a file that is pinned already', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, PINNED_POD);
    const before = await stat(file);
    expect(await setUp().run('pin', file)).toMatchObject({ code: 0, stdout: '' });
    expect((await stat(file)).ino).toBe(before.ino);
  });

  it('leaves every file as it was when one image is refused, and names its place', async () => {
    await using folder = await makeTempFolder();
    const good = join(folder.path, 'good.yaml');
    const bad = join(folder.path, 'bad.yaml');
    await writeFile(good, POD);
    await writeFile(bad, POD.replace('alpine:3.16', '{{ .Values.image }}'));
    const { code, stdout, stderr } = await setUp().run('pin', good, bad);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${bad}:4: `);
    expect(await readFile(good, 'utf8')).toBe(POD);
  });

  it('refuses a moved tag with exit code 1', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { ledger, resolver, run } = setUp();
    ledger.put({ record: sampleRecord(ALPINE), logged: true });
    resolver.now(ALPINE, digestOfB);
    const { code, stderr } = await run('pin', file);
    expect(code).toBe(1);
    expect(stderr).toContain(digestOfB);
    expect(await readFile(file, 'utf8')).toBe(POD);
  });

  it('leaves the image as it is, and says so, where the policy only warns', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { resolver, run } = setUp({ rule: { mode: 'warn' } });
    resolver.now(ALPINE, 'REGISTRY_UNAVAILABLE');
    const { code, stderr } = await run('pin', file);
    expect(code).toBe(0);
    expect(stderr).toContain(`${file}:4: left as it is`);
    expect(await readFile(file, 'utf8')).toBe(POD);
  });

  it('pins without recording with --no-record', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { ledger, run } = setUp();
    expect((await run('pin', '--no-record', file)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(PINNED_POD);
    expect(ledger.recorded).toEqual([]);
  });

  it('prints with --diff a patch that makes the pinned file, and writes and records nothing', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { ledger, run } = setUp();
    const { code, stdout } = await run('pin', '--diff', file);
    expect(code).toBe(0);
    expect(applyPatch(POD, stdout, { autoConvertLineEndings: false })).toBe(PINNED_POD);
    expect(await readFile(file, 'utf8')).toBe(POD);
    expect(ledger.recorded).toEqual([]);
  });

  it('exits 1 with --check when something would change, and 0 when not', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { ledger, run } = setUp();
    expect((await run('pin', '--check', file)).code).toBe(1);
    expect((await run('pin', '--check', '--diff', file)).code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe(POD);
    expect(ledger.recorded).toEqual([]);
    await writeFile(file, PINNED_POD);
    expect((await run('pin', '--check', file)).code).toBe(0);
  });

  it('tells the changes in JSON', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    const { stdout } = await setUp().run('pin', file, '-o', 'json');
    const images = [{ line: 4, image: 'alpine:3.16', pinned: `alpine:3.16@${digestOfA}` }];
    expect(JSON.parse(stdout)).toEqual([{ file, changed: true, images }]);
  });

  it('writes nothing when it is interrupted', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'pod.yaml');
    await writeFile(file, POD);
    expect((await setUp({ io: { signal: AbortSignal.abort() } }).run('pin', file)).code).toBe(130);
    expect(await readFile(file, 'utf8')).toBe(POD);
  });

  it.each(['missing.yaml', 'folder', '/dev/zero'])('exits 2 for %s, naming it', async (name) => {
    await using folder = await makeTempFolder();
    await mkdir(join(folder.path, 'folder'));
    const path = name.startsWith('/') ? name : join(folder.path, name);
    const { code, stderr } = await setUp().run('pin', path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tagseal: cannot pin [^\n]+\n$/);
    expect(stderr).toContain(path);
  });

  it('refuses to overwrite what somebody else wrote meanwhile, and leaves no temporary file', async () => {
    await using folder = await makeTempFolder();
    const path = join(folder.path, 'pod.yaml');
    await writeFile(path, POD);
    const read = await readSourceFile(path);
    await writeFile(path, 'edited: true\n');
    expect(await codeOf(() => replaceFile(read, PINNED_POD))).toBe('DOCUMENT_INVALID');
    expect(await readFile(path, 'utf8')).toBe('edited: true\n');
    expect(await readdir(folder.path)).toEqual(['pod.yaml']);
  });
});

describe('tagseal pin -', () => {
  it.each([{ argv: ['pin'] }, { argv: ['pin', '-'] }])(
    '$argv pins from input to output',
    async ({ argv }) => {
      const { code, stdout, stderr } = await fromStdin(POD).run(...argv);
      expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: PINNED_POD });
    },
  );

  it('passes a document without images on as it is', async () => {
    expect(await fromStdin('a: b  # c').run('pin')).toMatchObject({ code: 0, stdout: 'a: b  # c' });
  });

  it('prints no half of a document when an image is refused', async () => {
    const { code, stdout, stderr } = await fromStdin(POD.replace('alpine', 'unknown')).run('pin');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^tagseal: stdin:4: /);
  });

  it('names the line of what is not YAML', async () => {
    const { code, stderr } = await fromStdin('a: b\nc: [\n').run('pin');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tagseal: cannot pin stdin:\d: it is not YAML: [^\n]+\n$/);
  });

  it.each([{ argv: ['pin', '-', 'x.yaml'] }, { argv: ['pin', '-o', 'json'] }])(
    'refuses $argv',
    async ({ argv }) => {
      expect((await fromStdin(POD).run(...argv)).code).toBe(2);
    },
  );

  it('refuses more than 1000 different images', async () => {
    const items = Array.from({ length: 1001 }, (_, i) => `{image: "a:${i}"}`);
    const { code, stderr } = await fromStdin(`containers: [${items.join(', ')}]`).run('pin');
    expect(code).toBe(2);
    expect(stderr).toContain('1001');
  });

  it.each([
    { rewrite: 'none', expected: `alpine:3.16@${digestOfA}` },
    { rewrite: 'tagDigest', expected: `alpine:3.16@${digestOfA}` },
    { rewrite: 'digest', expected: `alpine@${digestOfA}` },
  ])('writes $expected under rewrite: $rewrite', async ({ rewrite, expected }) => {
    const { stdout } = await fromStdin('containers: [{image: alpine:3.16}]', { rule: { rewrite } }).run(
      'pin',
    );
    expect(stdout).toBe(`containers: [{image: ${expected}}]`);
  });

  it('leaves an image that is named by digest alone', async () => {
    const text = `containers: [{image: alpine@${digestOfB}}]`;
    expect(await fromStdin(text).run('pin')).toMatchObject({ code: 0, stdout: text });
  });
});
