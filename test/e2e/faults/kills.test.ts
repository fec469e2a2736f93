import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leasesIn } from '../../../src/kube/resources.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { openRealApi, type RealApi } from '../stack/kubernetes/kube-api.ts';
import { askForPod, startPodStream, type PodStream, type Tally } from '../stack/kubernetes/pod-stream.ts';
import { openShop, type Shop } from '../stack/kubernetes/shop.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { killTagseal, tagsealPods, tagsealStory, untilAllReady } from '../stack/kubernetes/tagseal-pods.ts';
import { installTagseal, NAMESPACE, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { ageAuthority, greet, readAuthorities, trustBundle } from '../stack/kubernetes/webhook-trust.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 120_000;
/** Of known tags in a row: some three seconds. */
const ENOUGH = 30;
/** Twice as long as look-ups are shared. */
const MANY = 200;
const SHOP = 'shop';
const RACES = 20;
/** Renewed at two thirds of it. */
const LEAF_SECONDS = 12;
/** Less than a third of what a CA for such leaves lives. */
const AGED_MS = 150_000;

let folder: TempFolder;
let cluster: StartedCluster;
let values: string;
let real: RealApi;
let shop: Shop;
const known = new Map<string, string>();
const moved: string[] = [];
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  values = await valuesFile(cluster, await buildTagsealImage(cluster));
  await installTagseal(cluster, values).catch(async (error: unknown) => {
    console.error(await tagsealStory(cluster));
    throw error;
  });
  real = openRealApi(cluster.kubeconfig);
  shop = await openShop(cluster, SHOP, 'enforce');
  for (const name of ['one', 'two', 'three']) {
    const tag = shop.tag(name);
    known.set(tag, `${tag}@${await shop.push(tag, name)}`);
    await admitted(tag);
  }
  for (const name of ['moved', 'gone']) {
    const tag = shop.tag(name);
    await shop.push(tag, name);
    await admitted(tag);
    await shop.push(tag, `${name} elsewhere`);
    moved.push(tag);
  }
  await untilMovesAreKnown();
});
afterAll(async () => {
  await real[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const ask = (tag: string) =>
  askForPod({ connection: real.connection, namespace: SHOP }, tag, { dryRun: false });

/** Asks until the Pod is made: who is told that a tag is being recorded comes again. Gives the image. */
async function admitted(tag: string): Promise<string> {
  const asked = await until(
    () => ask(tag),
    ({ kind }) => kind === 'admitted',
    PATIENCE_MS,
  );
  return asked.kind === 'admitted' ? asked.image : '';
}

const startStream = (plan: { everyMs?: number; moved?: readonly string[] } = {}): PodStream =>
  startPodStream({ connection: real.connection, namespace: SHOP, known, moved, ...plan });

/** Each replica shares a look-up for ten seconds: until no one admits a moved tag any more. */
async function untilMovesAreKnown(): Promise<void> {
  await using stream = startStream();
  let from = stream.seen();
  await until(
    () => Promise.resolve(stream.seen()),
    (now) => {
      if (now.wrong.length > from.wrong.length) from = now;
      return now.refused - from.refused >= MANY / 2;
    },
    PATIENCE_MS,
  );
}

/** For the log of the run: how many there were, and what failed. */
function tell(what: string, { admitted, refused, failures }: Tally): void {
  const some = failures.slice(0, 5).map((failure) => `\n  ${failure.trim().slice(0, 400)}`);
  process.stderr.write(
    `${what}: ${admitted} admitted, ${refused} refused, ${failures.length} failed${some.join('')}\n`,
  );
}

/** What the API server says of a replica that has died, until its endpoint is gone. */
const DEAD_REPLICA = /failed calling webhook.*(connection refused|connection reset|EOF|broken pipe)/;
/** What a webhook says that cannot read its store. What the API server says for itself is not Tagseal's to mend. */
const WITHOUT_STORE = /DEADLINE_EXCEEDED|STORE_UNAVAILABLE|KUBERNETES_UNAVAILABLE/;
const OF_A_WEBHOOK = /failed calling webhook|denied the request/;

const isOfWebhook = (failure: string) => OF_A_WEBHOOK.test(failure) && !WITHOUT_STORE.test(failure);

const NOTHING = { wrong: [], failures: [] };
const blame = ({ wrong, failures }: Tally, isOurs: (failure: string) => boolean = () => true) => ({
  wrong,
  failures: failures.filter(isOurs),
});

describe('a rolling update of the webhook', () => {
  it('fails no request', async () => {
    await using stream = startStream({ everyMs: 40 });
    await stream.passes(ENOUGH);
    const place = ['deployment/tagseal-webhook', '-n', NAMESPACE];
    await succeed(cluster.kubectl(['rollout', 'restart', ...place]));
    await succeed(cluster.kubectl(['rollout', 'status', ...place, '--timeout=120s']));
    await untilAllReady(cluster);
    await stream.passes(ENOUGH);
    const tally = await stream.stop();
    tell('rolling update', tally);
    expect(blame(tally)).toEqual(NOTHING);
  });
});

async function leader(): Promise<string> {
  const lease = await real.api.get(leasesIn(NAMESPACE), 'tagseal-controller', signal);
  return (lease?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity ?? '';
}

async function killOneWebhook(): Promise<void> {
  const [first] = await tagsealPods(cluster, 'webhook');
  if (first === undefined) throw new Error('no webhook');
  await killTagseal(cluster, 'webhook', first);
}

async function restartsOfAll(): Promise<number> {
  const roles = ['webhook', 'controller', 'proxy'] as const;
  const pods = (await Promise.all(roles.map((role) => tagsealPods(cluster, role)))).flat();
  return pods.reduce((sum, { restarts }) => sum + restarts, 0);
}

describe('kill -9 under a stream of Pods', () => {
  it('of a webhook fails only calls that meet the dead replica', async () => {
    await using stream = startStream();
    await stream.passes(ENOUGH);
    await killOneWebhook();
    await stream.passes(ENOUGH);
    const tally = await stream.stop();
    tell('a webhook', tally);
    expect(blame(tally, (failure) => !DEAD_REPLICA.test(failure))).toEqual(NOTHING);
    await untilAllReady(cluster);
  });

  it('of the leader fails no call, and another one leads', async () => {
    await using stream = startStream();
    await stream.passes(ENOUGH);
    const before = await leader();
    const pods = await tagsealPods(cluster, 'controller');
    const led = pods.find(({ name }) => before.startsWith(`${name}_`));
    if (led === undefined) throw new Error(`no Pod of the leader ${before}`);
    await killTagseal(cluster, 'controller', led);
    await until(leader, (now) => now !== '' && now !== before, PATIENCE_MS);
    await stream.passes(ENOUGH);
    const tally = await stream.stop();
    tell('the leader', tally);
    expect(blame(tally)).toEqual(NOTHING);
    await untilAllReady(cluster);
  });

  it.each(['etcd', 'apiServer'] as const)(
    'of %s fails no call to a webhook but for want of its store, and all is well once it is back',
    async (part) => {
      await using stream = startStream();
      await stream.passes(ENOUGH);
      const restarts = await restartsOfAll();
      await cluster[part].kill();
      await stream.fails();
      await cluster[part].start();
      await stream.passes(ENOUGH);
      const tally = await stream.stop();
      tell(part, tally);
      expect(blame(tally, isOfWebhook)).toEqual(NOTHING);
      await untilAllReady(cluster);
      // nobody was taken out of service for it
      expect(await restartsOfAll()).toBe(restarts);
    },
  );
});

interface TagRecordSeen {
  readonly spec: { readonly reference: string; readonly digest: string };
  readonly status: { readonly phase: string; readonly log?: { readonly index: number } };
}

async function recordsOf(tags: readonly string[]): Promise<readonly TagRecordSeen[]> {
  const { items } = await shop.read<{ items: readonly TagRecordSeen[] }>('get', 'tagrecords');
  return items.filter(({ spec }) => tags.includes(spec.reference));
}

const isInLog = ({ status }: TagRecordSeen) => ['Logged', 'Confirmed'].includes(status.phase);

/** Leaves of the log, as its checkpoint says. */
async function logSize(): Promise<number> {
  const answer = await fetch(`${cluster.rekor?.readUrl ?? ''}/checkpoint`);
  return Number((await answer.text()).split('\n')[1]);
}

describe('while registry and log are stopped', () => {
  it('every known tag is admitted and pinned, and a new one refused with the reason', async () => {
    const tag = shop.tag('unseen');
    await shop.push(tag, 'unseen');
    await cluster.registry.kill();
    await cluster.rekor?.kill();
    await using stream = startStream({ moved: [] });
    await stream.passes(MANY);
    const { kind, ...refusal } = await ask(tag);
    const tally = await stream.stop();
    expect({ ...blame(tally), kind }).toEqual({ ...NOTHING, kind: 'refused' });
    expect(JSON.stringify(refusal)).toContain(cluster.registry.host);
    expect(JSON.stringify(refusal)).toContain('REGISTRY_UNAVAILABLE');
    expect(await recordsOf([tag])).toEqual([]);
  });

  it('a webhook that dies comes back, and known tags go on', async () => {
    await using stream = startStream({ moved: [] });
    await killOneWebhook();
    await stream.passes(ENOUGH);
    const tally = await stream.stop();
    tell('a webhook without registry and log', tally);
    expect(blame(tally, (failure) => !DEAD_REPLICA.test(failure))).toEqual(NOTHING);
  });

  it('a new tag waits for the log, and is recorded by itself once the log is back', async () => {
    const tag = shop.tag('pending');
    await cluster.registry.start();
    const digest = await shop.push(tag, 'pending');
    const asked = await ask(tag);
    expect(asked.kind).toBe('refused');
    expect(JSON.stringify(asked)).toMatch(/LOG_UNAVAILABLE|being recorded/);
    await cluster.rekor?.start();
    // nobody asks for it again
    const [record] = await until(
      () => recordsOf([tag]),
      (records) => records.some(isInLog),
      PATIENCE_MS,
    );
    expect(record?.spec.digest).toBe(digest);
    expect(await admitted(tag)).toBe(`${tag}@${digest}`);
    expect(await admitted(shop.tag('unseen'))).toContain('@sha256:');
    await untilMovesAreKnown();
  });
});

describe('three webhooks with certificates that live for seconds', () => {
  beforeAll(async () => {
    const lifetime = `config.admission.tls.lifetimeSeconds=${LEAF_SECONDS}`;
    await installTagseal(cluster, values, { set: ['webhook.replicaCount=3', lifetime] });
    await untilAllReady(cluster, 3);
  });

  /** Greets every replica again and again until `isOver`. */
  async function greetings(leaves: Set<string>, isOver: () => boolean): Promise<readonly string[]> {
    const failures: string[] = [];
    const pods = await tagsealPods(cluster, 'webhook');
    while (!isOver()) {
      for (const { address } of pods) {
        const ca = await trustBundle(real.api);
        await greet(address, ca).then(
          (leaf) => leaves.add(leaf),
          (error: unknown) => failures.push(String(error)),
        );
      }
    }
    return failures;
  }

  it('fail no request, on a new connection or an old one, while CA and leaves are rotated', async () => {
    await using stream = startStream();
    await stream.passes(ENOUGH);
    const before = await ageAuthority(real.api, AGED_MS);
    const leaves = new Set<string>();
    let isOver = false;
    const greeted = greetings(leaves, () => isOver);
    await until(
      () => readAuthorities(real.api),
      ({ signing, next, retired }) =>
        // the old CA is trusted no more, and each replica has had three leaves
        signing.cert !== before.signing.cert &&
        next === undefined &&
        retired.length === 0 &&
        leaves.size >= 9,
      PATIENCE_MS,
    )
      .then(() => stream.passes(ENOUGH))
      .finally(() => (isOver = true));
    const ungreeted = await greeted;
    const tally = await stream.stop();
    tell(`certificates, ${leaves.size} leaves`, tally);
    expect({ ...blame(tally), ungreeted }).toEqual({ ...NOTHING, ungreeted: [] });
  });

  it(`that see ${RACES} new tags at once make one record of each, and log it once`, async () => {
    const digests = new Map<string, string>();
    for (let i = 0; i < RACES; i++) {
      const tag = shop.tag(`race-${i}`);
      digests.set(tag, await shop.push(tag, `race ${i}`));
    }
    const before = await logSize();
    const runs = [...digests].flatMap(([tag, digest]) =>
      [1, 2, 3].map(async () => expect(await admitted(tag)).toBe(`${tag}@${digest}`)),
    );
    await Promise.all(runs);
    const tags = [...digests.keys()];
    const records = await until(
      () => recordsOf(tags),
      (seen) => seen.every(isInLog),
      PATIENCE_MS,
    );
    expect(records.map(({ spec }) => spec.reference).toSorted()).toEqual(tags.toSorted());
    // a claim and a binding each
    expect((await logSize()) - before).toBe(2 * RACES);
  });
});
