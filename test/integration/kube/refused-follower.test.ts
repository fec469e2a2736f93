import { describe, expect, it } from '@jest/globals';
import { makeRecordStore } from '../../../src/kube/record-store.ts';
import { followRefused } from '../../../src/kube/refused-follower.ts';
import type { RecordPhase } from '../../../src/ledger/record.ts';
import { startFakeCluster } from '../../support/kube-client.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';

const DENYING: readonly RecordPhase[] = ['Lost', 'Conflicted', 'Unlogged'];

describe('who follows the refused records', () => {
  it.each(DENYING)(
    'hears of one that becomes %s, of what was refused before, and of no other',
    async (phase) => {
      await using cluster = await startFakeCluster();
      using stack = new DisposableStack();
      const end = stack.adopt(new AbortController(), (controller) => controller.abort());
      const store = makeRecordStore(cluster.api);
      const [before, fine, later] = ['before', 'fine', 'later'].map((name) =>
        sampleRecord(`docker.io/library/${name}:1`),
      );
      if (before === undefined || fine === undefined || later === undefined) throw new Error('no records');
      await store.reserve({ ...before, phase }, end.signal);
      await store.reserve(fine, end.signal);
      await store.reserve(later, end.signal);

      const heard: string[] = [];
      const { promise: both, resolve } = Promise.withResolvers<undefined>();
      const { promise: first, resolve: begin } = Promise.withResolvers<undefined>();
      const following = followRefused(
        { api: cluster.api, logger: SILENT, random: () => 0 },
        (claimId, generation) => {
          heard.push(`${claimId} ${generation}`);
          if (heard.length === 1) begin(undefined);
          else resolve(undefined);
        },
        end.signal,
      );
      await first;
      const stored = await store.find(later.claimId, end.signal);
      await store.update({ ...later, phase }, stored?.version ?? '', end.signal);
      await both;
      end.abort();
      await following;
      expect(heard).toEqual([`${before.claimId} 0`, `${later.claimId} 0`]);
    },
  );
});
