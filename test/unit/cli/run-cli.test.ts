import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { ERROR_CODES } from '../../../src/errors/code.ts';
import { exitCodeOfReason } from '../../../src/cli/exit-code.ts';
import { VERSION } from '../../../src/version.ts';
import { setUpCli } from '../../support/cli-setup.ts';

const COMMANDS = [
  'check',
  'record',
  'accept',
  'history',
  'explain',
  'verify',
  'pin',
  'restore',
  'identity',
  'export',
  'import',
  'monitor',
  'scan',
  'keygen',
  'version',
  'serve',
  'completion',
];
const ONE_LINE = /^tagseal: [^\n]+\n$/;

describe('runCli', () => {
  it.each([
    { argv: ['chek', 'alpine'], hint: 'did you mean check?' },
    { argv: ['check', 'alpine', '--outptu', 'json'], hint: 'did you mean --output?' },
    { argv: ['check'], hint: "missing required argument 'image'" },
    { argv: ['check', 'alpine', '-o', 'xml'], hint: 'table, json' },
    { argv: ['check', 'alpine', '--timeout', 'soon'], hint: '60s' },
    { argv: ['check', 'alpine', '--timeout', '0s'], hint: '60s' },
    { argv: ['history', 'a', 'b'], hint: 'too many arguments' },
    { argv: ['completion', 'tcsh'], hint: 'bash' },
    { argv: ['accept', 'alpine:3.20'], hint: '--reason' },
    { argv: ['accept', '--reason', 'rebuilt'], hint: 'ref@digest' },
    { argv: ['explain'], hint: 'image' },
    { argv: ['explain', 'a', 'b'], hint: 'too many arguments' },
    { argv: ['restore', '-f'], hint: '--filename' },
    { argv: ['export', '--output-file'], hint: '--output-file' },
    { argv: ['import'], hint: 'file' },
    { argv: ['import', 'a', 'b'], hint: 'too many arguments' },
    { argv: ['identity', 'a'], hint: 'too many arguments' },
    { argv: ['monitor', '--log-kind', 'embedded'], hint: 'rekor-v2' },
    { argv: ['monitor', '--interval', 'soon'], hint: '60s' },
    { argv: ['bad\u001b[2J\nname'], hint: '\\u001b[2J' },
  ])('exits 2 with one line for the arguments $argv', async ({ argv, hint }) => {
    const { code, stdout, stderr } = await setUpCli().run(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain(hint);
  });

  it('exits 2 with the help on standard error when no command is named', async () => {
    const { code, stdout, stderr } = await setUpCli().run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: tagseal');
  });

  it('prints the version and exits 0', async () => {
    expect(await setUpCli().run('--version')).toMatchObject({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it('prints the version by a command too, with the Node that runs it', async () => {
    const { run } = setUpCli();
    expect(await run('version')).toMatchObject({
      code: 0,
      stdout: 'tagseal 1.2.3, node 24.0.0\n',
      stderr: '',
    });
    const { stdout } = await run('version', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({ version: '1.2.3', node: '24.0.0' });
  });

  it.each([
    [['check'], "missing required argument 'image'; see tagseal check --help"],
    [['check', '-o', 'yaml', 'a'], 'Allowed choices are table, json; see tagseal --help'],
    [['--nonsense'], "unknown option '--nonsense'; see tagseal --help"],
  ])('points wrong usage %j to the help of what was meant', async (argv, hint) => {
    const { stderr } = await setUpCli().run(...argv);
    expect(stderr).toContain(hint);
  });

  it('has the version of package.json', () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ version: VERSION });
  });

  it.each(COMMANDS)('the help of %s shows an example and the global options', async (command) => {
    const { code, stdout } = await setUpCli().run(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Example:\\n +\\$ .*tagseal ${command}`));
    expect(stdout).toContain('--config <file>');
  });

  it('takes global options before and after the command', async () => {
    const { configFiles, run } = setUpCli();
    await run('--config', 'a.yaml', 'history', 'alpine');
    await run('history', 'alpine', '--config', 'b.yaml');
    expect(configFiles).toEqual(['a.yaml', 'b.yaml']);
  });

  it.each(ERROR_CODES.filter((code) => code !== 'INTERNAL'))(
    'says a %s as one line, and in JSON as an object too',
    async (errorCode) => {
      const { run } = setUpCli({
        programs: {
          async openRuntime() {
            throw new AppError({ code: errorCode, message: 'cannot do "it"; try another way' });
          },
        },
      });
      const expected = {
        code: exitCodeOfReason(errorCode),
        stderr: 'tagseal: cannot do "it"; try another way\n',
      };
      expect(await run('check', 'alpine')).toMatchObject({ ...expected, stdout: '' });
      const json = await run('check', 'alpine', '-o', 'json');
      expect(json).toMatchObject(expected);
      expect(JSON.parse(json.stdout)).toEqual({
        error: { code: errorCode, message: 'cannot do "it"; try another way' },
      });
    },
  );

  const broken = { programs: { openRuntime: () => Promise.reject(new TypeError('a secret detail')) } };

  it('withholds an unexpected error, and exits 70', async () => {
    expect(await setUpCli(broken).run('check', 'alpine')).toMatchObject({
      code: 70,
      stdout: '',
      stderr: 'tagseal: internal error; run again with TAGSEAL_LOG_LEVEL=debug\n',
    });
  });

  it('shows the cause of an unexpected error in debug', async () => {
    expect((await setUpCli({ ...broken, debug: true }).run('check', 'alpine')).stderr).toContain(
      'TypeError: a secret detail',
    );
  });

  it('says only that it was interrupted, exits 130 and closes what it opened', async () => {
    const signal = AbortSignal.abort();
    expect(await setUpCli({ io: { signal } }).run('check', 'alpine')).toEqual({
      code: 130,
      stdout: '',
      stderr: 'tagseal: interrupted\n',
      stillOpen: 0,
    });
  });

  it('calls a foreign error after the deadline a deadline', async () => {
    const { run } = setUpCli({
      runtime: {
        generations: (_reference, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')));
          }),
      },
    });
    const { code, stderr, stillOpen } = await run('history', 'alpine', '--timeout', '5ms');
    expect({ code, stillOpen }).toEqual({ code: 3, stillOpen: 0 });
    expect(stderr).toMatch(ONE_LINE);
    expect(stderr).toContain('--timeout');
  });
});

describe('tagseal serve', () => {
  it('prints where the doors are on standard error and exits 0 when it has stopped', async () => {
    let asked: string | undefined;
    const { run } = setUpCli({
      programs: {
        async serve(configFile) {
          asked = configFile;
          return { banner: ['proxy on http://127.0.0.1:5050'], stopped: Promise.resolve() };
        },
      },
    });
    expect(await run('serve', '--config', 'x.yaml')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'proxy on http://127.0.0.1:5050\n',
    });
    expect(asked).toBe('x.yaml');
  });

  it('exits 0 when it was stopped while starting', async () => {
    const signal = AbortSignal.abort();
    const { run } = setUpCli({
      io: { signal },
      programs: {
        async serve(_configFile, stop) {
          stop.throwIfAborted();
          return { banner: ['too late'], stopped: Promise.resolve() };
        },
      },
    });
    expect(await run('serve')).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits with the code of what stopped it', async () => {
    const error = new AppError({ code: 'ADDRESS_IN_USE', message: 'cannot listen on "127.0.0.1:5050"' });
    const { run } = setUpCli({ programs: { serve: () => Promise.reject(error) } });
    expect(await run('serve')).toMatchObject({
      code: 2,
      stderr: 'tagseal: cannot listen on "127.0.0.1:5050"\n',
    });
  });
});

describe('tagseal completion', () => {
  it.each(['bash', 'zsh', 'fish'])('names every command and its options for %s', async (shell) => {
    const { code, stdout } = await setUpCli().run('completion', shell);
    expect(code).toBe(0);
    for (const word of [...COMMANDS, 'no-record', 'save', 'reason', 'dry-run', 'certificate-identity']) {
      expect(stdout).toContain(word);
    }
  });
});
