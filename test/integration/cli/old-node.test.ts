import { describe, expect, it } from '@jest/globals';
import { PROGRAM } from '../../support/serve.ts';
import { runProcess } from '../../support/start-process.ts';

/** Makes the program believe that it runs on another Node. */
function pretend(version: string): string {
  const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

describe('the built program on a Node that is', () => {
  it.each(['18.20.0', '20.20.2', '22.21.9'])(
    'too old (%s): says so in one line and exits 2',
    async (version) => {
      const done = await runProcess(process.execPath, ['--import', pretend(version), PROGRAM, '--version']);
      expect({ code: done.code, stdout: done.stdout }).toEqual({ code: 2, stdout: '' });
      expect(done.stderr).toMatch(/^tagseal: needs Node 22\.22 or newer, and this is [^\n]+\n$/);
    },
  );

  it.each(['22.22.0', '24.15.0', '26.0.0'])('new enough (%s): runs', async (version) => {
    const done = await runProcess(process.execPath, ['--import', pretend(version), PROGRAM, '--version']);
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
  });
});
