import { makeMemoryState } from '../../support/memory-state.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { stateContract } from './state-suite.ts';
import { storeContract } from './suite.ts';

storeContract('in memory', async () => {
  const store = makeMemoryStore();
  return { store, again: () => store, [Symbol.asyncDispose]: () => Promise.resolve() };
});

stateContract('in memory', async () => {
  const state = makeMemoryState();
  return { state, again: () => state, [Symbol.asyncDispose]: () => Promise.resolve() };
});
