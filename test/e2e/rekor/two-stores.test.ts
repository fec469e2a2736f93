import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { startServe, type Served } from '../../support/serve.ts';
import { storedPhases } from '../../support/stored-phases.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startLogs, type LogKind, type StartedLogs } from '../stack/logs.ts';
import { askTag, type Answer } from './many-tags.ts';

const TAGS = Array.from({ length: 20 }, (_, i) => `t${i}`);

let folder: TempFolder;
let registry: FakeRegistry;
let logs: StartedLogs;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  logs = await startLogs(folder.path);
});

afterAll(async () => {
  await logs[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A deployment with a store of its own, and the identity and scope of the other one. */
async function startStore(path: string, log: LogKind): Promise<Served> {
  const config = [...logs.settings(log, 'keyless'), 'privacy: plain', 'scope: shared'];
  return startServe({ folder: path, registries: [registry.host], config });
}

describe.each(['rekor-v2', 'rekor-v1'] as const)(
  'two stores with one identity and scope that see new tags at the same moment, on %s',
  (log) => {
    it('never serve two digests of one tag', async () => {
      await using one = await makeTempFolder();
      await using other = await makeTempFolder();
      const repository = `stores/${log}`;
      const [a, b] = [
        await registry.putImage({ repository, tag: 'a', text: 'a' }),
        await registry.putImage({ repository, tag: 'b', text: 'b' }),
      ];
      registry.lies.alternating = [a.digest, b.digest];
      await using first = await startStore(one.path, log);
      await using second = await startStore(other.path, log);
      const ask = (served: Served, tag: string) => askTag(served, registry, { repository, tag });
      const both = (tag: string) => Promise.all([ask(first, tag), ask(second, tag)]);
      await Promise.all(TAGS.map(both));
      // whoever was told to come again comes when everything has been decided
      const again: (readonly [Answer, Answer])[] = [];
      for (const tag of TAGS) again.push(await both(tag));
      delete registry.lies.alternating;

      const digests = again.map(
        (answers) => new Set(answers.flatMap(({ status, digest }) => (status === 200 ? [digest] : []))),
      );
      expect(digests.map(({ size }) => size).filter((size) => size > 1)).toEqual([]);
      const phases = [
        await storedPhases(join(one.path, 'data')),
        await storedPhases(join(other.path, 'data')),
      ];
      const all = phases.flatMap((each) => [...each.values()]);
      console.log(`${log}: ${JSON.stringify(countOf(all))}`);
      expect(all).toHaveLength(2 * TAGS.length);
      // a race that nobody ever loses is none
      expect(all.filter((phase) => phase === 'Conflicted').length).toBeGreaterThan(0);
    });
  },
);

function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...new Set(words)].map((word) => [word, words.filter((each) => each === word).length]),
  );
}
