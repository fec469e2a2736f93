import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pLimit from 'p-limit';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { proxied, startServe, type Served } from '../../support/serve.ts';
import { IN_THE_LOG } from '../../support/served-ledger.ts';
import { storedPhases } from '../../support/stored-phases.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startLogs, type StartedLogs } from '../stack/logs.ts';
import { ownEntries } from '../stack/own-entries.ts';
import { until } from '../stack/until.ts';

const NEW = 100;
const KNOWN = 10;
const AT_ONCE = 20;
/** The breaker lets a probe through after some seconds, and what is unfinished is tried again every ten. */
const RECOVERY_MS = 60_000;

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

interface Tag {
  readonly repository: string;
  readonly digest: string;
}

interface Answer extends Tag {
  readonly status: number;
  /** What the proxy served; null where it refused. */
  readonly served: string | null;
  /** `detail.reason` of a refusal. */
  readonly reason: string | undefined;
}

async function pull({ proxy }: Served, tag: Tag): Promise<Answer> {
  const answer = await fetch(proxied(proxy, registry.host, `${tag.repository}/manifests/1`));
  const body = await answer.text();
  const served = answer.headers.get('docker-content-digest');
  const reason = answer.ok ? undefined : (JSON.parse(body) as Refusal).errors[0]?.detail.reason;
  return { ...tag, status: answer.status, served, reason };
}

interface Refusal {
  readonly errors: readonly { readonly detail: { readonly reason: string } }[];
}

async function push(repository: string, text = repository): Promise<Tag> {
  const { digest } = await pushImage({ registryUrl: registry.url, repository, tag: '1', text });
  return { repository, digest };
}

function pushMany(prefix: string, count: number): Promise<readonly Tag[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => push(`${prefix}-${i}`)));
}

function pullAll(served: Served, tags: readonly Tag[]): Promise<readonly Answer[]> {
  const limit = pLimit(AT_ONCE);
  return Promise.all(tags.map((tag) => limit(() => pull(served, tag))));
}

/** Pulls known tags one after the other until it is told to stop. */
function keepPulling(served: Served, tags: readonly Tag[]) {
  const answers: Answer[] = [];
  const stop = new AbortController();
  const done = (async () => {
    while (!stop.signal.aborted) for (const tag of tags) answers.push(await pull(served, tag));
  })();
  return async () => {
    stop.abort();
    await done;
    return answers;
  };
}

/** The right digest, or a refusal with its reason. */
const isRight = ({ status, served, digest }: Answer) => status === 200 && served === digest;
const isOutage = ({ status, served, reason }: Answer) =>
  status === 503 && served === null && ['LOG_UNAVAILABLE', 'SIGNER_UNAVAILABLE'].includes(reason ?? '');

describe.each([
  { log: 'rekor-v2', signer: 'keyless' },
  { log: 'rekor-v1', signer: 'key' },
] as const)(
  'Rekor, Fulcio and timestamp authority killed amid 100 first sights: $signer on $log',
  ({ log, signer }) => {
    let data: TempFolder;
    let served: Served;
    let known: readonly Tag[];
    let fresh: readonly Tag[];
    let pending: readonly string[];

    const rekor = () => (log === 'rekor-v1' ? logs.rekorV1 : logs.rekorV2);
    const servers = () => [rekor(), logs.sigstore.fulcio, logs.sigstore.timestamps];
    const phases = () => storedPhases(join(data.path, 'data'));
    const inPhase = async (wanted: RegExp) =>
      [...(await phases())].filter(([, phase]) => wanted.test(phase)).map(([reference]) => reference);

    beforeAll(async () => {
      data = await makeTempFolder();
      known = await pushMany(`outage/${log}-known`, KNOWN);
      fresh = await pushMany(`outage/${log}-new`, NEW);
      served = await startServe({
        folder: data.path,
        registries: [registry.host],
        config: logs.settings(log, signer),
      });
      expect((await pullAll(served, known)).filter((answer) => !isRight(answer))).toEqual([]);
    });
    afterAll(async () => {
      await served[Symbol.asyncDispose]();
      await data[Symbol.asyncDispose]();
    });

    it('gives the right digest or says why not, and known tags are served throughout', async () => {
      const stopPulling = keepPulling(served, known);
      const asked = pullAll(served, fresh);
      await until(
        async () => ({
          logged: (await inPhase(IN_THE_LOG)).length,
          reserved: (await inPhase(/^Reserved$/)).length,
        }),
        ({ logged, reserved }) => logged >= KNOWN + AT_ONCE && reserved > 0,
        RECOVERY_MS,
      );
      await Promise.all(servers().map((server) => server.kill()));
      const answers = await asked;
      expect(answers.filter((answer) => !isRight(answer) && !isOutage(answer))).toEqual([]);
      expect(answers.filter(isRight).length).toBeGreaterThanOrEqual(AT_ONCE);
      expect(answers.filter(isOutage).length).toBeGreaterThan(0);
      pending = await inPhase(/^Reserved$/);
      expect(pending.length).toBeGreaterThan(0);
      const throughout = await stopPulling();
      expect(throughout.filter((answer) => !isRight(answer))).toEqual([]);
    });

    it('refuses what is pending until it is in the log', async () => {
      const waiting = fresh.filter(({ repository }) => pending.includes(`${registry.host}/${repository}:1`));
      expect(waiting.length).toBe(pending.length);
      expect((await pullAll(served, waiting)).filter((answer) => !isOutage(answer))).toEqual([]);
    });

    it('brings all that is pending into the log by itself once the servers are back', async () => {
      await Promise.all(servers().map((server) => server.start()));
      const left = await until(
        () => inPhase(/^Reserved$/),
        (references) => references.length === 0,
        RECOVERY_MS,
      );
      expect(left).toEqual([]);
      expect(await inPhase(IN_THE_LOG)).toEqual(expect.arrayContaining([...pending]));
    });

    it('records the rest when it is asked for, and nothing twice', async () => {
      expect((await pullAll(served, fresh)).filter((answer) => !isRight(answer))).toEqual([]);
      expect([...(await phases()).values()].filter((phase) => !IN_THE_LOG.test(phase))).toEqual([]);
      const { treeSize, statements } = await ownEntries(data.path);
      const expected = 2 * (KNOWN + NEW);
      expect({ treeSize, own: statements.length, different: new Set(statements).size }).toEqual({
        treeSize: expected,
        own: expected,
        different: expected,
      });
    });
  },
);
