import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startServe } from '../../support/serve.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { startRegistry } from '../stack/start.ts';
import {
  leftContent,
  openDoor,
  runConformance,
  splitting,
  totalOf,
  withReferrers,
  type ConformanceResults,
  type Counts,
} from './conformance.ts';

/** The suite pushes the tags `image` and `index` several times; the proxy goes on with what they were first. */
const MOVED_BY_THE_SUITE = [
  'artifacts-with-subject',
  'empty-index',
  'index-with-subject',
  'missing-subject',
].flatMap((name) => [
  `${name}/head`,
  `${name}/head/manifest-head-by-tag`,
  `${name}/pull`,
  `${name}/pull/manifest-by-tag`,
]);
/** What a proxy for pulling is not asked. The group of a content's blobs pushes them in every way. */
const WRITING = /(^|\/)(push|delete|manifest-put)(\/|$)|^sha(256|512) blobs$/;
const READING = [
  ...['ping', 'empty/tag list', 'empty/referrers', 'missing-manifest/by-digest', 'missing-manifest/by-tag'],
  ...['blob-head', 'manifest-head-by-digest', 'manifest-head-by-tag'].map((name) => `read-only/head/${name}`),
  ...['blob-get', 'manifest-by-digest', 'manifest-by-tag'].map((name) => `read-only/pull/${name}`),
  ...['read-only/tag-list', 'read-only/referrers', 'invalid-digest-format/manifest-get'],
];
const LIMITS = { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 };

const stack = new AsyncDisposableStack();
let direct: ConformanceResults;
let proxied: ConformanceResults;
let reading: ConformanceResults;

beforeAll(async () => {
  const folder = stack.use(await makeTempFolder()).path;
  const run = async (name: string) => {
    const registry = stack.use(await startRegistry(join(folder, name)));
    const upstream = stack.use(await openDoor(withReferrers(registry.host)));
    return { upstream: upstream.host, results: join(folder, name) };
  };
  const plain = await run('direct');
  direct = await runConformance(plain.upstream, plain.results);

  const { upstream, results } = await run('proxied');
  const served = stack.use(await startServe({ folder, registries: [upstream], proxy: { limits: LIMITS } }));
  const inProxy = (path: string) =>
    new URL(path.replace(/^\/v2\/(?=.)/, `/v2/${upstream.replace(':', '_')}/`), served.proxy);
  const front = stack.use(await openDoor(splitting(inProxy, (path) => new URL(path, `http://${upstream}`))));
  await mkdir(results, { recursive: true });
  proxied = await runConformance(front.host, results);

  const reader = stack.use(await makeTempFolder()).path;
  const door = { folder: reader, registries: [plain.upstream], proxy: { limits: LIMITS } };
  const { proxy } = stack.use(await startServe(door));
  reading = await runConformance(new URL(proxy).host, reader, {
    ...(await leftContent(plain.upstream)),
    OCI_REPO1: `${plain.upstream.replace(':', '_')}/conformance/one`,
  });
});
afterAll(() => stack.disposeAsync());

describe('the conformance suite of the OCI distribution specification', () => {
  it('passes through the proxy wherever it passes at the registry, but for tags that it moves itself', () => {
    const worse = [...direct.specs].filter(
      ([name, { passed }]) => (proxied.specs.get(name)?.passed ?? 0) < passed,
    );
    const [at, through] = [totalOf(direct), totalOf(proxied)];
    console.log(
      `OCI conformance, ${at.passed + at.failed} specifications: ${at.passed} passed at the registry, ` +
        `${through.passed} with all pulls through the proxy, ${MOVED_BY_THE_SUITE.length} not for moved tags`,
    );
    expect(at.passed).toBeGreaterThan(400);
    // a group that lost a member has failed, too
    expect(worse.map(([name]) => name).filter((name) => name.includes('/'))).toEqual(
      expect.arrayContaining(MOVED_BY_THE_SUITE),
    );
    expect(worse.map(([name]) => name).filter((name) => !isOfMovedTag(name))).toEqual([]);
  });

  it.each(['artifacts-with-subject', 'index-with-subject', 'missing-subject', 'empty'])(
    'lists referrers through the proxy: %s',
    (name) => {
      expect(proxied.specs.get(`${name}/referrers`)).toMatchObject({ passed: 1, failed: 0 });
    },
  );
});

/** Pull and content discovery, with nothing between the suite and `tagseal serve`. */
describe('the conformance suite as it reads only, at the proxy itself', () => {
  it('fails nowhere, and skips only what pushes and deletes', () => {
    const { passed, failed, skipped } = totalOf(reading);
    const lines = [...reading.specs].map(
      ([name, each]) => `${name}: ${each.passed} passed, ${each.failed} failed, ${each.skipped} skipped`,
    );
    const sum = `${passed} passed, ${failed} failed, ${skipped} skipped`;
    console.log(['OCI conformance, reading only, at the proxy itself: ' + sum, ...lines].join('\n'));
    const namesOf = (of: keyof Counts) =>
      [...reading.specs].filter(([, each]) => each[of] > 0).map(([name]) => name);
    expect({ failed: namesOf('failed'), said: failed === 0 ? '' : reading.text }).toEqual({
      failed: [],
      said: '',
    });
    expect(namesOf('skipped').filter((name) => !WRITING.test(name))).toEqual([]);
    expect(namesOf('passed')).toEqual(expect.arrayContaining(READING));
    expect(passed).toBeGreaterThan(100);
  });
});

function isOfMovedTag(name: string): boolean {
  return MOVED_BY_THE_SUITE.some((moved) => moved === name || moved.startsWith(`${name}/`));
}
