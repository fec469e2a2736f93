import { makeDirectoryStore } from '../../../src/store/directory-store.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { storeContract } from './suite.ts';

storeContract('directory', async () => {
  const folder = await makeTempFolder();
  let writers = 0;
  const open = () => {
    const writer = ++writers;
    let names = 0;
    return makeDirectoryStore({ directory: folder.path, uniqueName: () => `${writer}-${++names}` });
  };
  return { store: open(), again: open, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});
