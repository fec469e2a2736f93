import { describe, expect, it } from '@jest/globals';
import type { ApprovalSeen, ApprovalWish } from '../../../../src/cli/kubectl/ports.ts';
import { AppError } from '../../../../src/errors/app-error.ts';
import { setUpCli, type CliChange } from '../../../support/cli-setup.ts';

const COMMANDS = [
  'check',
  'history',
  'explain',
  'verify',
  'pin',
  'scan',
  'accept',
  'export',
  'keygen',
  'version',
];
const ELSEWHERE = ['record', 'restore', 'import', 'identity', 'monitor', 'serve', 'completion'];
const DIGEST = `sha256:${'a'.repeat(64)}`;
const ACCEPT = ['accept', `ghcr.io/acme/api:1@${DIGEST}`, '--reason', ' rebuilt '];

const setUp = (change: CliChange = {}) => setUpCli({ as: 'kubectl tagseal', ...change });

/** A cluster whose controller answers so, and then not any more. */
function answering(answers: readonly ApprovalSeen[], end: 'ends' | 'waits' | Error = 'ends') {
  const wishes: ApprovalWish[] = [];
  const cluster: CliChange['cluster'] = {
    async *approve(wish, signal) {
      wishes.push(wish);
      yield* answers;
      if (end instanceof Error) throw end;
      if (end === 'waits') {
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        });
      }
    },
  };
  return { cluster, wishes };
}

describe('kubectl tagseal', () => {
  it('gives flags of kubectl to the cluster that is opened, and closes it', async () => {
    const { run, clusters, configFiles } = setUp();
    const flags = ['--kubeconfig', 'k', '--context', 'c', '-n', 'shop'];
    const installed = ['--tagseal-namespace', 'seals', '--tagseal-name', 'seal'];
    const { stillOpen } = await run('check', 'alpine', ...flags, ...installed);
    expect(clusters).toEqual([
      {
        kubeconfig: 'k',
        context: 'c',
        namespace: 'shop',
        tagsealNamespace: 'seals',
        tagsealName: 'seal',
      },
    ]);
    expect({ stillOpen, configFiles }).toEqual({ stillOpen: 0, configFiles: [] });
  });

  it.each(COMMANDS)('the help of %s shows an example of kubectl, and its flags', async (command) => {
    const { code, stdout } = await setUp().run(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Example:\\n +\\$ .*kubectl tagseal ${command}`));
    expect(stdout).not.toMatch(/(?<!kubectl )tagseal (?:check|pin|accept|verify|history)/);
    expect(stdout).toContain('--context <name>');
    expect(stdout).not.toContain('--config ');
  });

  it.each(ELSEWHERE)('%s says what to do instead, whatever its arguments', async (command) => {
    const { run, clusters } = setUp();
    const { code, stdout, stderr } = await run(command, 'a', '--unknown', 'b');
    expect({ code, stdout, clusters }).toEqual({ code: 2, stdout: '', clusters: [] });
    expect(stderr).toMatch(new RegExp(`^tagseal: cannot ${command} as a plugin of kubectl: [^\\n]+\\n$`));
  });

  it('shows no command that it has not', async () => {
    const { stdout } = await setUp().run('--help');
    const shown = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    expect(shown.toSorted()).toEqual([...COMMANDS, 'help'].toSorted());
  });

  it('names itself where the usage is wrong', async () => {
    const { code, stderr } = await setUp().run('check');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('see kubectl tagseal check --help'),
    });
  });

  it('pins without recording', async () => {
    const { code, stderr } = await setUp().run('pin', '--no-record');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--no-record') });
  });
});

describe('kubectl tagseal accept', () => {
  it.each([
    { title: 'accepted', answers: [{ name: 'a' }, { name: 'a', phase: 'Accepted', generation: 1 }], code: 0 },
    { title: 'refused', answers: [{ name: 'a', phase: 'Refused', message: 'no' }], code: 1 },
  ] as const)('says that a move is $title', async ({ title, answers, code }) => {
    const { cluster, wishes } = answering(answers);
    const { run } = setUp({ cluster });
    const answer = await run(...ACCEPT, '-o', 'json');
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.stdout)).toMatchObject({
      outcome: title,
      reference: 'ghcr.io/acme/api:1',
      digest: DIGEST,
      approval: { name: 'a' },
    });
    expect(wishes).toMatchObject([{ digest: DIGEST, reason: 'rebuilt' }]);
  });

  it.each([
    { title: 'unanswered', answers: [{ name: 'a-1' }], says: 'controller runs' },
    { title: 'pending', answers: [{ name: 'a-1', phase: 'Pending', message: 'log away' }], says: 'log away' },
  ] as const)(
    'exits 3 after its time with the name of an approval that is $title',
    async ({ answers, says }) => {
      const { cluster } = answering(answers, 'waits');
      const { code, stdout, stderr } = await setUp({ cluster }).run(...ACCEPT, '--timeout', '20ms');
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toMatch(/^tagseal: TagApproval a-1 [^\n]+\n$/);
      expect(stderr).toContain(says);
    },
  );

  it('fails with what the API server said where the approval cannot be made', async () => {
    const error = new AppError({ code: 'KUBERNETES_REFUSED', message: 'cannot create it: forbidden' });
    const { cluster } = answering([], error);
    expect(await setUp({ cluster }).run(...ACCEPT)).toMatchObject({
      code: 2,
      stderr: 'tagseal: cannot create it: forbidden\n',
    });
  });

  it('fails where the cluster is lost while it waits', async () => {
    const error = new AppError({ code: 'KUBERNETES_UNAVAILABLE', message: 'the server is gone' });
    const { cluster } = answering([{ name: 'a' }], error);
    expect(await setUp({ cluster }).run(...ACCEPT)).toMatchObject({ code: 3 });
  });

  it.each([
    { what: 'no digest', args: ['ghcr.io/acme/api:1', '--reason', 'r'] },
    { what: 'no tag', args: [`ghcr.io/acme/api@${DIGEST}`, '--reason', 'r'] },
    { what: 'an empty reason', args: [`ghcr.io/acme/api:1@${DIGEST}`, '--reason', ' '] },
    { what: 'a reason of two lines', args: [`ghcr.io/acme/api:1@${DIGEST}`, '--reason', 'a\nb'] },
    { what: 'no reason', args: [`ghcr.io/acme/api:1@${DIGEST}`] },
  ])('makes no approval of $what', async ({ args }) => {
    const { cluster, wishes } = answering([]);
    expect(await setUp({ cluster }).run('accept', ...args)).toMatchObject({ code: 2, stdout: '' });
    expect(wishes).toEqual([]);
  });

  it('tells a person at a terminal what it waits for', async () => {
    const { cluster } = answering([{ name: 'a' }, { name: 'a', phase: 'Accepted', generation: 3 }]);
    const { stdout, stderr } = await setUp({ cluster, io: { isTerminal: true } }).run(...ACCEPT);
    expect(stderr).toContain('waiting for the controller');
    expect(stdout).toMatch(/generation +3/);
  });
});
