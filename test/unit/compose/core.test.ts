import { describe, expect, it } from '@jest/globals';
import { openCore } from '../../../src/compose/core.ts';
import { runInBackground } from '../../../src/compose/background.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { systemClock } from '../../../src/observe/clock.ts';
import { silentLogger } from '../../support/ledger-setup.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();

describe('openCore', () => {
  it.each(['10.0.0.1', '192.168.1.1:5000', '[fd12::1]', '127.0.0.1:5000', '169.254.169.254'])(
    'lets no stranger at the proxy reach %s, which the settings do not name',
    async (host) => {
      await using folder = await makeTempFolder();
      const config = readConfig({ environment: {}, workingDirectory: folder.path });
      const home = folder.path;
      const core = await openCore({ config, home, logger: silentLogger, clock: systemClock });
      const { resolver } = core.guardedRegistry;
      expect(await codeOf(() => resolver.fetch(tagReference(`${host}/app:1`), signal))).toBe(
        'ADDRESS_FORBIDDEN',
      );
      await core.close();
    },
  );
});

describe('runInBackground', () => {
  it('runs again after a failure, one run at a time, and no more once it is stopped', async () => {
    const life = new AbortController();
    let [runs, atOnce] = [0, 0];
    const { promise: third, resolve } = Promise.withResolvers<undefined>();
    const run = async () => {
      runs += 1;
      atOnce += 1;
      expect(atOnce).toBe(1);
      await Promise.resolve();
      atOnce -= 1;
      if (runs < 3) throw new TypeError('told to fail');
      life.abort();
      resolve(undefined);
    };
    runInBackground({ name: 'test', everyMs: 1, run }, life.signal, silentLogger);
    await third;
    // a timer set later and longer: a fourth run would come before it
    await new Promise((done) => setTimeout(done, 2));
    expect(runs).toBe(3);
  });
});
