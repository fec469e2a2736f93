import { describe, expect, it } from '@jest/globals';
import type { AcceptOutcome, AcceptRequest } from '../../../src/cli/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { cliRecord, inLog } from '../../support/cli-records.ts';
import { setUpCli, type CliChange } from '../../support/cli-setup.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';

const ALPINE = 'docker.io/library/alpine:3.16';
const before = cliRecord(ALPINE);
const after = cliRecord(ALPINE, { generation: 1, digest: digestOfB, index: 40 });
const reserved = sampleRecord(ALPINE, { generation: 1, digest: digestOfB });
const accepted: AcceptOutcome = { kind: 'accepted', from: before, found: inLog(after) };
const pending: AcceptOutcome = {
  kind: 'pending',
  from: before,
  found: { record: reserved, logged: false },
  retryAfterSeconds: 0,
};
const MOVE = ['accept', `alpine:3.16@${digestOfB}`, '--reason', 'rebuilt'];

/** Answers in turn, the last one for ever. */
function setUp(answers: readonly AcceptOutcome[], change: CliChange = {}) {
  const asked: AcceptRequest[] = [];
  const setup = setUpCli({
    ...change,
    runtime: {
      async accept(request) {
        const answer = answers[Math.min(asked.length, answers.length - 1)];
        asked.push(request);
        if (answer === undefined) throw new Error('no answer');
        return answer;
      },
    },
  });
  return { ...setup, asked };
}

describe('tagseal accept', () => {
  it('records the move for the user who runs it, and tells old and new', async () => {
    const { asked, run } = setUp([accepted]);
    expect(await run(...MOVE)).toEqual({
      code: 0,
      stderr: '',
      stillOpen: 0,
      stdout: [
        ALPINE,
        `  old          ${digestOfA}`,
        `  new          ${digestOfB}`,
        '  generation   1',
        `  log entry    index 40, uuid ${'f'.repeat(64)}`,
        '  accepted by  jane',
        '  reason       rebuilt',
        '',
      ].join('\n'),
    });
    expect(asked).toMatchObject([
      {
        reference: { canonical: ALPINE },
        digest: digestOfB,
        approval: { by: 'jane', reason: 'rebuilt' },
      },
    ]);
  });

  it('names who it is told to name', async () => {
    const { asked, run } = setUp([accepted], { io: { userName: () => undefined } });
    expect((await run(...MOVE, '--by', 'release pipeline')).code).toBe(0);
    expect(asked[0]?.approval.by).toBe('release pipeline');
  });

  it('gives the same in JSON', async () => {
    const { stdout } = await setUp([accepted]).run(...MOVE, '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'accepted',
      reference: ALPINE,
      from: { generation: 0, digest: digestOfA },
      record: { generation: 1, digest: digestOfB, log: { index: 40 } },
      approval: { by: 'jane', reason: 'rebuilt' },
    });
  });

  it('tells which generation was lost where nobody knows what was before, also when it had to wait', async () => {
    const { from: _, ...over } = { ...pending, lost: 0 };
    const { run } = setUp([over, { kind: 'present', found: inLog(after) }]);
    const { code, stdout } = await run(...MOVE, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'accepted', lost: { generation: 0 } });
    const told = await setUp([{ kind: 'accepted', lost: 0, found: inLog(after) }]).run(...MOVE);
    expect(told.stdout).toContain('old          not known: generation 0 is lost');
  });

  it('exits 0 and says so when the tag means the digest already', async () => {
    const { code, stdout } = await setUp([{ kind: 'present', found: inLog(after) }]).run(...MOVE);
    expect(code).toBe(0);
    expect(stdout).toContain('already, generation 1');
    expect(stdout).not.toContain('jane');
  });

  it('asks again while the log does not have it, and still tells what was before', async () => {
    const { asked, run } = setUp([pending, pending, { kind: 'present', found: inLog(after) }]);
    const { code, stdout } = await run(...MOVE, '-o', 'json');
    expect(code).toBe(0);
    expect(asked).toHaveLength(3);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'accepted', from: { digest: digestOfA } });
  });

  it('goes on with what an earlier run had reserved, and calls that no move from itself', async () => {
    const again: AcceptOutcome = { ...pending, from: reserved };
    const { run } = setUp([again, { kind: 'present', found: inLog(after) }]);
    const { code, stdout } = await run(...MOVE);
    expect(code).toBe(0);
    expect(stdout).toContain('already, generation 1');
    const waiting = setUp([{ ...again, retryAfterSeconds: 60 }]);
    expect((await waiting.run(...MOVE, '--timeout', '20ms')).stdout).toMatch(/old +-\n/);
  });

  it('exits 3 when the log does not have it at the deadline, and says to run it again', async () => {
    const { run } = setUp([{ ...pending, retryAfterSeconds: 60 }]);
    const { code, stdout, stderr } = await run(...MOVE, '--timeout', '20ms');
    expect(code).toBe(3);
    expect(stdout).toContain('none yet');
    expect(stderr).toContain('run the same command again');
  });

  it('exits 1 for a tag without a record: there is no move', async () => {
    const { code, stdout, stderr } = await setUp([{ kind: 'unknown' }]).run(...MOVE);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^tagseal: not recorded: [^\n]+\n$/);
  });

  it('exits 4 with the words of the runtime when the tag does not point there', async () => {
    const { code, stderr } = await setUpCli({
      runtime: {
        accept: () => Promise.reject(new AppError({ code: 'DIGEST_MISMATCH', message: 'it points to "x"' })),
      },
    }).run(...MOVE);
    expect({ code, stderr }).toEqual({ code: 4, stderr: 'tagseal: it points to "x"\n' });
  });

  it.each([
    { argv: ['accept', 'alpine:3.16', '--reason', 'x'], hint: 'names no digest' },
    { argv: ['accept', `alpine@${digestOfB}`, '--reason', 'x'], hint: 'names no tag' },
    { argv: ['accept', 'Not A Reference', '--reason', 'x'], hint: 'Not A Reference' },
    { argv: ['accept', 'alpine:3.16@sha256:1f', '--reason', 'x'], hint: 'sha256:1f' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`], hint: '--reason' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', ''], hint: '--reason' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', ' \t '], hint: 'one line' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', 'a\nb'], hint: 'one line' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', 'a\u001bb'], hint: 'one line' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', 'x'.repeat(257)], hint: '256' },
    { argv: ['accept', `alpine:3.16@${digestOfB}`, '--reason', 'x', '--by', ''], hint: '--by' },
  ])('exits 2 with one line for $argv', async ({ argv, hint }) => {
    const { asked, run } = setUp([accepted]);
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout, asked }).toEqual({ code: 2, stdout: '', asked: [] });
    expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
    expect(stderr).toContain(hint);
  });

  it('exits 2 where the system has no name for the user and none is given', async () => {
    const { code, stderr } = await setUp([accepted], { io: { userName: () => undefined } }).run(...MOVE);
    expect(code).toBe(2);
    expect(stderr).toContain('--by');
  });
});
