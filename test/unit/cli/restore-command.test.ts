import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RestoreOutcome } from '../../../src/cli/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { cliRecord, inLog } from '../../support/cli-records.ts';
import { setUpCli, type CliChange } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const LIBRARY = 'docker.io/library';

function restored(name: string): RestoreOutcome {
  return { kind: 'restored', found: inLog(cliRecord(`${LIBRARY}/${name}`, { origin: 'restore' })) };
}

/** By canonical reference; what is not in the table the log never saw. */
function setUp(table: Readonly<Record<string, RestoreOutcome | ErrorCode>>, change: CliChange = {}) {
  const asked: string[] = [];
  const setup = setUpCli({
    ...change,
    runtime: {
      async restore({ canonical, digest }) {
        asked.push(digest === undefined ? canonical : `${canonical}@${digest}`);
        const answer = table[canonical] ?? { kind: 'absent' };
        if (typeof answer !== 'string') return answer;
        throw new AppError({ code: answer, message: `cannot restore "${canonical}"` });
      },
    },
  });
  return { ...setup, asked };
}

describe('tagseal restore', () => {
  it('tells each result, and exits 4 when one is lost for good', async () => {
    const { run } = setUp({
      [`${LIBRARY}/a:1`]: restored('a:1'),
      [`${LIBRARY}/b:1`]: { kind: 'present', found: inLog(cliRecord(`${LIBRARY}/b:1`, { generation: 2 })) },
      [`${LIBRARY}/c:1`]: 'RECORD_LOST',
    });
    const pad = ' '.repeat(65);
    expect(await run('restore', 'a:1', 'b:1', 'c:1', 'd:1')).toEqual({
      code: 4,
      stillOpen: 0,
      stdout: [
        `REFERENCE              RESULT    GENERATION  DIGEST${pad}  LOG INDEX`,
        `docker.io/library/a:1  restored  0           ${digestOfA}  12`,
        `docker.io/library/b:1  present   2           ${digestOfA}  12`,
        `c:1                    lost      -           -${pad}       -`,
        `d:1                    absent    -           -${pad}       -`,
        '',
      ].join('\n'),
      stderr:
        `tagseal: cannot restore "${LIBRARY}/c:1"\n` +
        'tagseal: d:1 was never recorded: the log holds no claim on it; record it with tagseal record\n',
    });
  });

  it('takes a digest to try beside what the tag points to, and asks for each text once', async () => {
    const { asked, run } = setUp({ [`${LIBRARY}/a:1`]: restored('a:1') });
    expect((await run('restore', `a:1@${digestOfB}`, `a:1@${digestOfB}`)).code).toBe(0);
    expect(asked).toEqual([`${LIBRARY}/a:1@${digestOfB}`]);
  });

  it('reads tags from a file, without comments and blank lines', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'tags.txt');
    await writeFile(file, '# all of them\na:1\n\n  b:1 \r\n');
    const { asked, run } = setUp({});
    await run('restore', 'c:1', '-f', file);
    expect(asked).toEqual([`${LIBRARY}/c:1`, `${LIBRARY}/a:1`, `${LIBRARY}/b:1`]);
  });

  it('reads tags from standard input', async () => {
    const { asked, run } = setUp({}, { io: { readStdin: async () => Buffer.from('a:1\n') } });
    await run('restore', '-f', '-');
    expect(asked).toEqual([`${LIBRARY}/a:1`]);
  });

  it('gives the same in JSON', async () => {
    const { run } = setUp({ [`${LIBRARY}/a:1`]: restored('a:1'), [`${LIBRARY}/b:1`]: 'RECORD_LOST' });
    const { stdout } = await run('restore', 'a:1', 'b:1', 'd:1', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject([
      { image: 'a:1', result: 'restored', logged: true, record: { origin: 'restore', digest: digestOfA } },
      { image: 'b:1', result: 'lost', error: { code: 'RECORD_LOST' } },
      { image: 'd:1', result: 'absent' },
    ]);
  });

  it.each<{ readonly answer: RestoreOutcome | ErrorCode; readonly code: number }>([
    { answer: restored('a:1'), code: 0 },
    { answer: { kind: 'absent' }, code: 1 },
    { answer: { kind: 'restored', found: { record: sampleRecord(), logged: false } }, code: 3 },
    { answer: 'LOG_UNAVAILABLE', code: 3 },
    { answer: 'RECORD_LOST', code: 4 },
    { answer: 'LOG_PROOF_INVALID', code: 4 },
  ])('exits $code for $answer', async ({ answer, code }) => {
    expect((await setUp({ [`${LIBRARY}/a:1`]: answer }).run('restore', 'a:1')).code).toBe(code);
  });

  it.each([
    { argv: ['restore'], hint: '-f' },
    { argv: ['restore', 'Not A Reference'], hint: 'Not A Reference' },
    { argv: ['restore', `a@${digestOfA}`], hint: 'no tag' },
    { argv: ['restore', '-f', '/nowhere/tags'], hint: '"/nowhere/tags"' },
    { argv: ['restore', '-f', '/'], hint: '"/"' },
  ])('exits 2 with one line for $argv', async ({ argv, hint }) => {
    const { code, stderr } = await setUp({}).run(...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
    expect(stderr).toContain(hint);
  });

  it('exits 2 for a file that is no text', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'tags');
    await writeFile(file, Buffer.of(0xff, 0xfe, 0x00));
    expect((await setUp({}).run('restore', '-f', file)).code).toBe(2);
  });
});
