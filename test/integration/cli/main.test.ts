import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { runProcess, startProcess } from '../../support/start-process.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const ANY_PORT = {
  TAGSEAL_PROXY_LISTEN: '127.0.0.1:0',
  TAGSEAL_ADMISSION_LISTEN: '127.0.0.1:0',
  TAGSEAL_ADMIN_LISTEN: '127.0.0.1:0',
};

describe('the tagseal program', () => {
  it('exits with the code of its command', async () => {
    await using folder = await makeTempFolder();
    const { code, stdout, stderr } = await runProcess(process.execPath, [MAIN, 'history', 'alpine:3.16'], {
      cwd: folder.path,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^tagseal: not recorded: [^\n]+\n$/);
  });

  it('is quiet when nobody reads its output to the end', async () => {
    const script = `"$0" "$1" completion bash | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await runProcess('bash', ['-c', script, process.execPath, MAIN]);
    expect({ stdout, stderr }).toEqual({ stdout: '0\n', stderr: '' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops serving cleanly at %s', async (signal) => {
    await using folder = await makeTempFolder();
    await using tagseal = startProcess(process.execPath, [MAIN, 'serve'], {
      cwd: folder.path,
      env: ANY_PORT,
    });
    await tagseal.waitFor(/^proxy +http:/m);
    expect(await tagseal.stop(signal)).toEqual({ code: 0, signal: null });
  });
});
