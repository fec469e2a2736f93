import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pLimit from 'p-limit';
import { statementDigest } from '../../../src/ledger/statement.ts';
import { parseTagRecord } from '../../../src/ledger/tag-record.ts';
import { generateKey } from '../../../src/rekor/key-signer.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { startServe, type Served } from '../../support/serve.ts';
import { IN_THE_LOG } from '../../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startPostgres, type StartedPostgres } from '../stack/postgres.ts';
import { startRekorV1, type StartedRekorV1 } from '../stack/rekor-v1.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';
import { ownEntries } from '../stack/own-entries.ts';
import { askTag, putTags } from './many-tags.ts';

const PROCESSES = 4;
const TAGS = 500;
/** Of each process; all of them together are more than two cores keep busy. */
const AT_ONCE = 25;

let folder: TempFolder;
let registry: FakeRegistry;
let postgres: StartedPostgres;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  postgres = await startPostgres();
  const secret = { mode: 0o600 };
  await writeFile(join(folder.path, 'signer.key'), generateKey().privateKeyPem, secret);
  await writeFile(join(folder.path, 'blinding.key'), `${randomBytes(32).toString('hex')}\n`, secret);
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** How often a server has submitted an entry to the log, as its metrics tell. */
async function logWrites({ admin }: Served): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', admin))).text();
  const counts = metrics.matchAll(/^tagseal_log_requests_total\{[^}]*operation="submit"[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const START = { 'rekor-v1': startRekorV1, 'rekor-v2': startRekorV2 } as const;

describe.each(['rekor-v1', 'rekor-v2'] as const)(
  `${PROCESSES} servers on one PostgreSQL and one real %s`,
  (kind) => {
    const database = kind.replace('-', '_');
    let log: StartedRekorV1 | StartedRekor;

    beforeAll(async () => {
      log = await START[kind](join(folder.path, kind));
    });

    afterAll(async () => {
      await log[Symbol.asyncDispose]();
    });

    const folderOf = (number: number) => join(folder.path, `${kind}-${number}`);

    /** A folder of its own for each server; keys, log and store are common. */
    async function start(number: number, storeUrl: string): Promise<Served> {
      const own = folderOf(number);
      const { url, origin, publicKeyFile } = log;
      const setting = { kind, url, origin, publicKeyFile, ...('readUrl' in log && { readUrl: log.readUrl }) };
      await mkdir(own, { recursive: true });
      const config = [
        `log: ${JSON.stringify(setting)}`,
        `signer: {keyFile: ${join(folder.path, 'signer.key')}}`,
        `blindingKeyFile: ${join(folder.path, 'blinding.key')}`,
        `store: ${JSON.stringify({ kind: 'postgres', url: storeUrl, maxConnections: 5 })}`,
      ];
      // one client has more recorded here than any may: which of the servers is first decides whose limit that meets
      const proxy = { limits: { newTagsPerMinute: 0 } };
      return startServe({ folder: own, registries: [registry.host], config, proxy });
    }

    it(`that are asked for ${TAGS} new tags at once make one claim and one binding of each and say the same`, async () => {
      const { repository, digests } = putTags(registry, `processes/${kind}`, TAGS);
      const url = await postgres.createDatabase(database);
      await using servers = new AsyncDisposableStack();
      const served: Served[] = [];
      for (let number = 0; number < PROCESSES; number++) {
        served.push(servers.use(await start(number, url)));
      }

      const before = performance.now();
      const answers = await Promise.all(
        served.map((each, number) => {
          const limit = pLimit(AT_ONCE);
          const method = number % 2 === 0 ? 'GET' : 'HEAD';
          return Promise.all(
            [...digests.keys()].map((tag) =>
              limit(() => askTag(each, registry, { repository, tag, method })),
            ),
          );
        }),
      );
      const seconds = (performance.now() - before) / 1_000;
      const writes = await Promise.all(served.map(logWrites));
      const sum = writes.reduce((all, each) => all + each, 0);
      console.log(
        `${kind}: ${PROCESSES} x ${TAGS} first sights in ${seconds.toFixed(1)} s, ${sum} log writes for ${2 * TAGS} entries`,
      );

      const refused = answers.flat().filter(({ status }) => status !== 200);
      expect(refused).toEqual([]);
      for (const [i, [tag, digest]] of [...digests].entries()) {
        const all = answers.flatMap((of) => of[i] ?? []);
        expect({ tag, digests: all.map((answer) => answer.digest) }).toEqual({
          tag,
          digests: Array.from({ length: PROCESSES }, () => digest),
        });
        expect({ tag, indexes: new Set(all.map(({ index }) => index)).size }).toEqual({ tag, indexes: 1 });
        const firsts = all.filter(({ isFirst }) => isFirst).length;
        expect({ tag, firsts }).toEqual({ tag, firsts: 1 });
      }

      const rows = await postgres.sql(database, 'SELECT record FROM tagseal_records');
      const records = rows.map((row) => parseTagRecord(JSON.parse(String(row['record']))));
      expect(records.map(({ reference, digest }) => [reference, digest]).toSorted()).toEqual(
        [...digests].map(([tag, digest]) => [`${registry.host}/${repository}:${tag}`, digest]).toSorted(),
      );
      expect(records.filter(({ phase }) => !IN_THE_LOG.test(phase))).toEqual([]);
      const statements = records.flatMap(({ claim, binding }) =>
        [claim, binding].map(({ statement }) => statementDigest(statement)),
      );
      // one claim and one binding of each, and nothing that no record explains
      const found = await ownEntries(folderOf(0));
      expect(found.treeSize).toBe(2 * TAGS);
      expect(found.statements.toSorted()).toEqual(statements.toSorted());
    });
  },
);
