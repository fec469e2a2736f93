// `tagseal serve` on the sources, which kills itself at the protocol step that FAILPOINT names.
import { readConfig } from '../../src/config/read-config.ts';
import { startServing } from '../../src/compose/serve.ts';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const { banner, stopped } = await startServing({
  config: readConfig({ environment: process.env, workingDirectory: process.cwd() }),
  home: process.env['HOME'],
  signal: stop.signal,
  at(step) {
    if (step === process.env['FAILPOINT']) process.kill(process.pid, 'SIGKILL');
  },
});
for (const line of banner) process.stderr.write(`${line}\n`);
await stopped;
