import http from 'node:http';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { podReview, pullPath, startServe, type ReviewAnswer, type Served } from '../support/serve.ts';
import { IN_THE_LOG, readServedLedger, type ServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const TAGS_PER_DOOR = 100;
const ASKERS = 8;
const REPOSITORY = 'race/app';

/** What one asker was told. */
interface Told {
  readonly tag: string;
  readonly answer: string;
}

const tagsOf = (door: string) => Array.from({ length: TAGS_PER_DOOR }, (_, i) => `${door}-${i}`);

describe('200 new tags, asked for 8 times each at once, while the registry alternates two digests', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  let served: Served;
  let ledger: ServedLedger;
  let told: readonly Told[];
  let firstSights: readonly string[];

  /** Every tag by all its askers; the askers of one tag go out together. */
  async function askForAll(
    tags: readonly string[],
    ask: (tag: string) => Promise<string>,
  ): Promise<readonly Told[]> {
    const askers = tags.flatMap((tag) => Array.from({ length: ASKERS }, () => tag));
    return Promise.all(askers.map(async (tag) => ({ tag, answer: await ask(tag) })));
  }

  beforeAll(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    const one = await registry.putImage({ repository: REPOSITORY, tag: 'one', text: 'one' });
    const two = await registry.putImage({ repository: REPOSITORY, tag: 'two', text: 'two' });
    registry.lies.alternating = [one.digest, two.digest];
    served = await startServe({
      folder: folder.path,
      registries: [registry.host],
      // on a slow machine the last askers come after the 10 s for which an answer of the registry is shared
      config: ['policies: [{match: {images: ["**"]}, mode: enforce, recheck: never}]'],
    });

    const sockets = { keepAlive: true, maxSockets: ASKERS * TAGS_PER_DOOR };
    const [plain, tls] = [new http.Agent(sockets), new https.Agent(sockets)];
    const firsts: string[] = [];

    async function pull(tag: string): Promise<string> {
      const path = pullPath(registry.host, `${REPOSITORY}/manifests/${tag}`);
      const { status, headers, text } = await call(served.proxy, path, { agent: plain });
      if (headers['tlog-first-seen'] === 'true') firsts.push(tag);
      return status === 200 ? String(headers['docker-content-digest']) : `${status} ${text}`;
    }

    /** As kubectl does: again, as long as the answer is 429. */
    async function admit(tag: string): Promise<string> {
      const body = podReview([`${registry.host}/${REPOSITORY}:${tag}`]);
      const headers = { 'content-type': 'application/json' };
      const options = { method: 'POST', headers, body, ca: served.ca, agent: tls };
      const { text } = await call(served.webhook, '/mutate?timeout=10s', options);
      const { response } = JSON.parse(text) as { response: ReviewAnswer };
      if (response.status?.code === 429) return admit(tag);
      const patch = Buffer.from(response.patch ?? '', 'base64').toString();
      return /sha256:[0-9a-f]{64}/.exec(patch)?.[0] ?? JSON.stringify(response);
    }

    const asked = await Promise.all([askForAll(tagsOf('pull'), pull), askForAll(tagsOf('pod'), admit)]);
    told = asked.flat();
    firstSights = firsts;
    plain.destroy();
    tls.destroy();
    ledger = await readServedLedger(served, folder.path);
  }, 180_000);

  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  it('makes 200 records, each of them in the log', () => {
    const names = [...tagsOf('pull'), ...tagsOf('pod')].map((tag) => `${registry.host}/${REPOSITORY}:${tag}`);
    expect(ledger.records.map(({ reference }) => reference).toSorted()).toEqual(names.toSorted());
    expect(ledger.records.filter(({ phase }) => !IN_THE_LOG.test(phase))).toEqual([]);
  });

  it('makes 200 claims and 200 bindings and nothing else', () => {
    expect(ledger.leaves).toHaveLength(4 * TAGS_PER_DOOR);
    expect(ledger.leaves).toEqual(ledger.expectedLeaves);
  });

  it('tells every asker of a tag the digest that was recorded', () => {
    const recorded = new Map(ledger.records.map(({ reference, digest }) => [reference, digest]));
    const wrong = told.filter(
      ({ tag, answer }) => answer !== recorded.get(`${registry.host}/${REPOSITORY}:${tag}`),
    );
    expect(wrong).toEqual([]);
    expect(told).toHaveLength(2 * TAGS_PER_DOOR * ASKERS);
  });

  it('was shown both digests', () => {
    expect(new Set(ledger.records.map(({ digest }) => digest)).size).toBe(2);
  });

  it('tells one puller of each tag that it was the first', () => {
    expect(firstSights.toSorted()).toEqual(tagsOf('pull').toSorted());
  });

  it('asks the registry once for each tag', () => {
    expect(registry.count('HEAD', '/manifests/')).toBe(0);
    const byTag = registry.requests.filter(({ path }) => /\/manifests\/(?:pull|pod)-/.test(path));
    expect(byTag).toHaveLength(2 * TAGS_PER_DOOR);
  });
});
