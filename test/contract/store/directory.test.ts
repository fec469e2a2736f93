import { openDirectoryStore } from '../../../src/store/directory-store.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { SILENT } from '../../support/test-log.ts';
import { followerContract } from './follower-suite.ts';
import { stateContract } from './state-suite.ts';
import { storeContract } from './suite.ts';

async function start() {
  const folder = await makeTempFolder();
  let writers = 0;
  const open = () => {
    const writer = ++writers;
    let names = 0;
    const uniqueName = () => `${writer}-${++names}`;
    return openDirectoryStore({ dataDir: folder.path, uniqueName, logger: SILENT, pollMs: 10 });
  };
  return { open, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

storeContract('directory', async () => {
  const started = await start();
  return { ...started, ...started.open(), again: () => started.open().store };
});

stateContract('directory', async () => {
  const started = await start();
  return { ...started, ...started.open(), again: () => started.open().state };
});

followerContract('directory', async () => {
  const started = await start();
  return { ...started, ...started.open(), other: started.open().store };
});
