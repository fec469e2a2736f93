import { makeGenerationFollower } from '../../../src/kube/generation-follower.ts';
import { makeRecordStore } from '../../../src/kube/record-store.ts';
import { makeStateStore } from '../../../src/kube/state-store.ts';
import { startFakeCluster } from '../../support/kube-client.ts';
import { SILENT } from '../../support/test-log.ts';
import { followerContract } from './follower-suite.ts';
import { stateContract } from './state-suite.ts';
import { storeContract } from './suite.ts';

async function start() {
  const cluster = await startFakeCluster();
  const { api } = cluster;
  return { api, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

storeContract('kubernetes', async () => {
  const started = await start();
  return { ...started, store: makeRecordStore(started.api), again: () => makeRecordStore(started.api) };
});

stateContract('kubernetes', async () => {
  const started = await start();
  const state = () => makeStateStore({ api: started.api, namespace: 'test', name: 'seal' });
  return { ...started, state: state(), again: state };
});

followerContract('kubernetes', async () => {
  const started = await start();
  const { api } = started;
  const follower = makeGenerationFollower({ api, logger: SILENT, random: () => 0 });
  return { ...started, store: makeRecordStore(api), other: makeRecordStore(api), follower };
});
