import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { MonitorEvent, MonitorOptions } from '../../../../src/cli/monitor/ports.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../../src/errors/code.ts';
import type { TagRecord } from '../../../../src/ledger/record.ts';
import { statementDigest } from '../../../../src/ledger/statement.ts';
import { cliRecord, verified } from '../../../support/cli-records.ts';
import { setUpCli, type CliChange } from '../../../support/cli-setup.ts';
import { digestOfA, digestOfB } from '../../../support/sample-record.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const record = cliRecord(ALPINE);
const other = cliRecord(ALPINE, { digest: digestOfB });
const digestOf = ({ binding }: TagRecord) => statementDigest(binding.statement);

function entry(index: number, of: TagRecord, change: { readonly earlier?: boolean } = {}): MonitorEvent {
  return {
    kind: 'entry',
    index,
    uuid: 'f'.repeat(64),
    statementDigest: digestOf(of),
    time: '2026-11-02T10:00:01Z',
    ...change,
  };
}

const checkpoint: MonitorEvent = {
  kind: 'checkpoint',
  origin: 'log.test',
  treeSize: 42,
  rootHash: 'ab'.repeat(32),
};

/** A log that tells these events, and then fails or goes on for ever if it is not told to end. */
function setUp(
  events: readonly MonitorEvent[],
  { fail, io }: { fail?: ErrorCode; io?: CliChange['io'] } = {},
) {
  const asked: { options: MonitorOptions; configFile: string | undefined }[] = [];
  let told = 0;
  const setup = setUpCli({
    ...(io && { io }),
    programs: {
      async *monitor(options, configFile, signal) {
        asked.push({ options, configFile });
        for (const event of events) {
          told += 1;
          yield event;
        }
        if (fail !== undefined) throw new AppError({ code: fail, message: `told to fail with ${fail}` });
        if (options.once) return;
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener('abort', () => resolve());
        });
      },
      openRuntime: () => Promise.reject(new Error('an outsider has no store')),
    },
  });
  return { ...setup, asked, told: () => told };
}

async function knownFile(folder: string, name: string, statement: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, statement);
  return file;
}

describe('tagseal monitor', () => {
  it('tells one line for each record and where the log ends, and exits 0', async () => {
    expect(await setUp([entry(7, record), checkpoint]).run('monitor', '--once')).toEqual({
      code: 0,
      stderr: '',
      stillOpen: 0,
      stdout:
        `7  2026-11-02T10:00:01Z  sha256:${digestOf(record)}  a statement that nobody gave us\n` +
        `checkpoint  log.test  tree size 42  root ${'ab'.repeat(32)}\n`,
    });
  });

  it('names records whose statements it knows', async () => {
    await using folder = await makeTempFolder();
    const binding = await knownFile(folder.path, 'binding.json', record.binding.statement);
    const claim = await knownFile(folder.path, 'claim.json', record.claim.statement);
    const claimed = { ...entry(6, record), statementDigest: statementDigest(record.claim.statement) };
    const { run } = setUp([claimed, entry(7, record), entry(9, other)]);
    const { stdout } = await run('monitor', '--once', '--known', claim, binding);
    expect(stdout.split('\n').map((line) => line.split('  ')[3])).toEqual([
      `claim ${record.claimId} in scope default`,
      `${ALPINE}@${digestOfA}`,
      'a statement that nobody gave us',
      undefined,
    ]);
  });

  it('knows the statements of an archive', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'x.tar.gz');
    const store = setUpCli({ runtime: { generations: async () => [verified(record)] } });
    await store.run('export', 'alpine:3.16', '--output-file', file);
    const { stdout } = await setUp([entry(7, record)]).run('monitor', '--once', '--known', file);
    expect(stdout).toContain(`  ${ALPINE}@${digestOfA}\n`);
  });

  it('tells one line of JSON for each thing that happens', async () => {
    await using folder = await makeTempFolder();
    const known = await knownFile(folder.path, 'binding.json', record.binding.statement);
    const waiting: MonitorEvent = { kind: 'waiting', code: 'LOG_UNAVAILABLE', message: 'cannot reach it' };
    const { run } = setUp([entry(7, record), waiting, checkpoint]);
    const { code, stdout, stderr } = await run('monitor', '--once', '--known', known, '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'tagseal: cannot reach it; trying again\n' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      {
        event: 'entry',
        index: 7,
        uuid: 'f'.repeat(64),
        statementDigest: digestOf(record),
        time: '2026-11-02T10:00:01Z',
        statement: {
          kind: 'binding',
          reference: ALPINE,
          digest: digestOfA,
          generation: 0,
          claimId: record.claimId,
          scope: 'default',
        },
      },
      { event: 'waiting', code: 'LOG_UNAVAILABLE', message: 'cannot reach it' },
      { event: 'checkpoint', origin: 'log.test', treeSize: 42, rootHash: 'ab'.repeat(32) },
    ]);
  });

  it('exits 4 when one tag is logged with two digests, and names both', async () => {
    await using folder = await makeTempFolder();
    const known = [
      await knownFile(folder.path, 'a.json', record.binding.statement),
      await knownFile(folder.path, 'b.json', other.binding.statement),
    ];
    const events = [entry(7, record), entry(9, other), checkpoint];
    const { code, stderr } = await setUp(events).run('monitor', '--once', '--known', ...known);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^tagseal: conflict: [^\n]+\n$/);
    for (const text of [ALPINE, digestOfA, digestOfB, 'index 7', 'index 9']) expect(stderr).toContain(text);
    const json = await setUp(events).run('monitor', '--once', '-o', 'json', '--known', ...known);
    expect(json.stdout).toContain('{"event":"conflict",');
    expect(json.stdout).toContain('{"event":"checkpoint",');
  });

  it('ends at a conflict even if it is to run for good, and sees one with an entry of an earlier run', async () => {
    await using folder = await makeTempFolder();
    const known = [
      await knownFile(folder.path, 'a.json', record.binding.statement),
      await knownFile(folder.path, 'b.json', other.binding.statement),
    ];
    const { run, told } = setUp([entry(7, record, { earlier: true }), entry(9, other), entry(10, record)]);
    const { code, stdout } = await run('monitor', '--known', ...known);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^9 [^\n]+\n$/);
    expect(told()).toBe(2);
  });

  it('takes the same digest logged again, and another generation, for no conflict', async () => {
    await using folder = await makeTempFolder();
    const next = cliRecord(ALPINE, { digest: digestOfB, generation: 1 });
    const known = [
      await knownFile(folder.path, 'a.json', record.binding.statement),
      await knownFile(folder.path, 'b.json', next.binding.statement),
    ];
    const { run } = setUp([entry(7, record), entry(8, record), entry(9, next)]);
    const { code, stdout } = await run('monitor', '--once', '--known', ...known);
    expect(code).toBe(0);
    expect(stdout).toContain(`${ALPINE}@${digestOfB}, generation 1\n`);
  });

  it.each<{ readonly fail: ErrorCode; readonly code: number }>([
    { fail: 'LOG_PROOF_INVALID', code: 4 },
    { fail: 'LOG_FORKED', code: 4 },
    { fail: 'LOG_ENTRY_INVALID', code: 4 },
    { fail: 'TRUST_ROOT_INVALID', code: 4 },
    { fail: 'LOG_UNAVAILABLE', code: 3 },
    { fail: 'KEY_INVALID', code: 2 },
  ])('exits $code on $fail, after what it has told', async ({ fail, code }) => {
    const { run } = setUp([entry(7, record)], { fail });
    expect(await run('monitor')).toMatchObject({
      code,
      stdout: expect.stringContaining('7  '),
      stderr: `tagseal: told to fail with ${fail}\n`,
    });
    const { stdout } = await run('monitor', '-o', 'json');
    const last: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(last).toEqual({ event: 'failed', code: fail, message: `told to fail with ${fail}` });
  });

  it('exits 0 when it is stopped, as serve does, and 130 if it was to end by itself', async () => {
    const io = { signal: AbortSignal.abort() };
    expect(await setUp([entry(7, record)], { io }).run('monitor')).toMatchObject({ code: 0, stderr: '' });
    expect(await setUp([entry(7, record)], { io }).run('monitor', '--once')).toMatchObject({
      code: 130,
      stderr: 'tagseal: interrupted\n',
    });
  });

  it('has a time limit only when one is given', async () => {
    const { code, stderr } = await setUp([entry(7, record)]).run('monitor', '--timeout', '20ms');
    expect(code).toBe(3);
    expect(stderr).toContain('--timeout');
  });

  it('watches what the config names when no flag says otherwise', async () => {
    const { asked, run } = setUp([]);
    await run('monitor', '--once', '--config', 'a.yaml');
    expect(asked).toEqual([
      { configFile: 'a.yaml', options: { fromStart: false, once: true, intervalMs: 10_000 } },
    ]);
  });

  it.each([
    { body: 'x'.repeat(20_000), code: 2 },
    { body: '{}', code: 4 },
    { body: '', code: 4 },
    { body: '{"subject":[{"digest":{},"name":"tag"}]}', code: 4 },
    { body: '\u001f\u008b', code: 4 },
  ])('exits $code for a known statement of $body.length characters that is none', async ({ body, code }) => {
    await using folder = await makeTempFolder();
    const file = await knownFile(folder.path, 'known', body);
    const { asked, run } = setUp([]);
    const answer = await run('monitor', '--once', '--known', file);
    expect({ code: answer.code, asked }).toEqual({ code, asked: [] });
    expect(answer.stderr).toMatch(/^tagseal: [^\n]+\n$/);
  });

  it.each(['/nowhere/x.json', '/'])('exits 2 for the known file %j', async (file) => {
    const { code, stderr } = await setUp([]).run('monitor', '--once', '--known', file);
    expect(code).toBe(2);
    expect(stderr).toContain(JSON.stringify(file));
  });

  it('cannot be made to print control characters of a log', async () => {
    const evil = '\u001b[2J';
    const events: readonly MonitorEvent[] = [
      { kind: 'entry', index: 1, uuid: evil, statementDigest: evil, time: evil },
      { kind: 'checkpoint', origin: evil, treeSize: 1, rootHash: evil },
      { kind: 'waiting', code: evil, message: evil },
    ];
    const { stdout, stderr } = await setUp(events).run('monitor', '--once');
    expect(stdout + stderr).not.toContain('\u001b');
  });
});
