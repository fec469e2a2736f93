import { makeMemoryStore } from '../../support/memory-store.ts';
import { storeContract } from './suite.ts';

storeContract('in memory', async () => {
  const store = makeMemoryStore();
  return { store, again: () => store, [Symbol.asyncDispose]: () => Promise.resolve() };
});
