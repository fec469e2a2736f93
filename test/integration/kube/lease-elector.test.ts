import { describe, expect, it } from '@jest/globals';
import { makeLeaseElector, type LeaseElector } from '../../../src/kube/lease-elector.ts';
import { leasesIn } from '../../../src/kube/resources.ts';
import { systemClock } from '../../../src/observe/clock.ts';
import { startFakeCluster, type FakeCluster } from '../../support/kube-client.ts';
import { SILENT } from '../../support/test-log.ts';

const { signal } = new AbortController();
const times = { durationMs: 1_000, renewWithinMs: 400, retryMs: 20 };

const elector = ({ api }: FakeCluster, identity: string, change = {}): LeaseElector =>
  makeLeaseElector({
    api,
    namespace: 'test',
    name: 'controller',
    identity,
    clock: systemClock,
    logger: SILENT,
    random: () => 0,
    times,
    ...change,
  });

const specOf = async ({ api }: FakeCluster) =>
  (await api.get(leasesIn('test'), 'controller', signal))?.['spec'];

/** Leads until it is told to stop; `began` and `ended` are of its first term. */
function stand(candidate: LeaseElector) {
  const life = new AbortController();
  const { promise: began, resolve: begin } = Promise.withResolvers<undefined>();
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
  const done = candidate.lead(async (term) => {
    begin(undefined);
    await aborted(term);
    end(undefined);
  }, life.signal);
  return {
    began,
    ended,
    async stop() {
      life.abort();
      await done;
    },
  };
}

describe('leader election', () => {
  it('lets one of several lead, and the next one after it stops, without waiting for the lease to run out', async () => {
    await using cluster = await startFakeCluster();
    const electors = ['a', 'b', 'c'].map((name) =>
      elector(cluster, name, { times: { ...times, durationMs: 3_600_000, renewWithinMs: 1_800_000 } }),
    );
    const candidates = electors.map(stand);
    await Promise.race(candidates.map(({ began }) => began));
    const first = electors.findIndex((each) => each.isLeader());
    expect(electors.filter((each) => each.isLeader())).toHaveLength(1);
    expect(await specOf(cluster)).toMatchObject({ holderIdentity: 'abc'[first], leaseTransitions: 0 });
    const others = candidates.filter((_, i) => i !== first);
    await candidates[first]?.stop();
    await Promise.race(others.map(({ began }) => began));
    expect(await specOf(cluster)).toMatchObject({ leaseTransitions: 1 });
    expect(electors.filter((each) => each.isLeader())).toHaveLength(1);
    await Promise.all(others.map((each) => each.stop()));
    expect(await specOf(cluster)).toMatchObject({ holderIdentity: '' });
  });

  it('writes what client-go and kubectl read', async () => {
    await using cluster = await startFakeCluster();
    const candidate = stand(elector(cluster, 'a', { times: { ...times, durationMs: 15_000 } }));
    await candidate.began;
    expect(await specOf(cluster)).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      leaseTransitions: 0,
    });
    await candidate.stop();
  });

  it('takes over from a dead leader, by its own clock and whatever time stands in the lease', async () => {
    await using cluster = await startFakeCluster();
    const spec = {
      holderIdentity: 'dead',
      leaseDurationSeconds: 1,
      renewTime: '2999-01-01T00:00:00.000000Z',
      leaseTransitions: 4,
    };
    const metadata = { name: 'controller', namespace: 'test' };
    await cluster.api.create(
      leasesIn('test'),
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
      signal,
    );
    const candidate = stand(elector(cluster, 'a'));
    await candidate.began;
    expect(await specOf(cluster)).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
    await candidate.stop();
  });

  it('ends its term when it cannot renew, before another could begin one', async () => {
    await using cluster = await startFakeCluster();
    const candidate = stand(elector(cluster, 'a'));
    await candidate.began;
    cluster.server.trouble = () => (_, answer) => answer.writeHead(503).end();
    await candidate.ended;
    cluster.server.trouble = undefined;
    expect(await specOf(cluster)).toMatchObject({ holderIdentity: 'a' });
    await candidate.stop();
  });

  it('ends its term when another has taken the lease', async () => {
    await using cluster = await startFakeCluster();
    const candidate = stand(elector(cluster, 'a'));
    await candidate.began;
    await cluster.api.mergePatch(
      leasesIn('test'),
      'controller',
      { spec: { holderIdentity: 'thief' } },
      signal,
    );
    await candidate.ended;
    await candidate.stop();
    expect(await specOf(cluster)).toMatchObject({ holderIdentity: 'thief' });
  });

  it('leads again after work that failed', async () => {
    await using cluster = await startFakeCluster();
    const life = new AbortController();
    const events: string[] = [];
    let terms = 0;
    const logger = { ...SILENT, error: (event: string) => events.push(event) };
    await elector(cluster, 'a', { logger }).lead(() => {
      terms += 1;
      if (terms === 2) life.abort();
      return Promise.reject(new Error('a bug'));
    }, life.signal);
    expect(events).toEqual(['leader.failed']);
  });
});

function aborted(term: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (term.aborted) resolve();
    term.addEventListener('abort', () => resolve(), { once: true });
  });
}
