import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startServe } from '../../support/serve.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { startRegistry } from '../stack/start.ts';
import {
  openDoor,
  runConformance,
  splitting,
  withReferrers,
  type ConformanceResults,
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
const LIMITS = { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 };

const stack = new AsyncDisposableStack();
let direct: ConformanceResults;
let proxied: ConformanceResults;

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
});
afterAll(() => stack.disposeAsync());

function total({ specs }: ConformanceResults): { readonly passed: number; readonly failed: number } {
  const all = [...specs.values()];
  const sum = (of: 'passed' | 'failed') => all.reduce((so, each) => so + each[of], 0);
  return { passed: sum('passed'), failed: sum('failed') };
}

describe('the conformance suite of the OCI distribution specification', () => {
  it('passes through the proxy wherever it passes at the registry, but for tags that it moves itself', () => {
    const worse = [...direct.specs].filter(
      ([name, { passed }]) => (proxied.specs.get(name)?.passed ?? 0) < passed,
    );
    const [at, through] = [total(direct), total(proxied)];
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
      expect(proxied.specs.get(`${name}/referrers`)).toEqual({ passed: 1, failed: 0 });
    },
  );
});

function isOfMovedTag(name: string): boolean {
  return MOVED_BY_THE_SUITE.some((moved) => moved === name || moved.startsWith(`${name}/`));
}
