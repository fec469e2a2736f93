import { describe, expect, it } from '@jest/globals';
import { startServe } from '../support/serve.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('a proxy that is started', () => {
  it.each([
    { listen: '0.0.0.0:0', isOpen: true },
    { listen: ':0', isOpen: true },
    { listen: '127.0.0.1:0', isOpen: false },
    { listen: 'localhost:0', isOpen: false },
    { listen: '0.0.0.0:0', tls: { mode: 'self' }, isOpen: false },
  ])(
    'warns when anybody may come and read along: $listen with TLS $tls.mode',
    async ({ isOpen, ...proxy }) => {
      await using folder = await makeTempFolder();
      await using served = await startServe({ folder: folder.path, registries: [], config: [], proxy });
      await served.process.waitFor(/serve\.started/);
      expect(served.process.output().includes('"event":"proxy.open"')).toBe(isOpen);
    },
  );
});
