// npm run bench -- admission [--tags N] [--rounds N] [--seconds S] [--connections N] [--node-flags="..."] [--api-server]
// What a warm admission costs, as a ratio to the least that a webhook in Node can do, in the same run; with --api-server
// as a ratio of Pods created a second on a real API server, with Tagseal and without.
// Exits 1 for a wrong answer and for a call that the policy does not allow, never for being slow.
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { makeTempFolder } from '../test/support/temp-folder.ts';
import { runOnApiServer } from './admission/api-server.ts';
import { pin } from './admission/child.ts';
import { startBare, startServe, startUpstream } from './admission/contenders.ts';
import type { Contender } from './admission/contenders.ts';
import { makeCases } from './admission/expectation.ts';
import type { Case } from './admission/expectation.ts';
import { knownImages } from './admission/known-images.ts';
import { openClient } from './admission/load.ts';
import type { LoadResult } from './admission/load.ts';
import { readOptions } from './admission/options.ts';
import { podReviewBody } from './admission/pod-review.ts';
import { renderTable, summarize } from './admission/report.ts';
import type { Summary } from './admission/report.ts';
import { runRounds } from './admission/rounds.ts';
import type { Lane } from './admission/rounds.ts';

const AIM = 0.9;
const SERVER_CORE = 0;
const CLIENT_CORE = 1;
/** So long the compiler takes until a replica is as fast as it gets; also longer than the 10 s at which it follows the log. */
const HOT_MS = 12_000;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const { tags, connections } = options;
  await using folder = await makeTempFolder();
  removeOnSignal(folder.path);
  await using upstream = await startUpstream(folder.path, tags);
  if (options.apiServer) return await runOnApiServer({ ...options, folder: folder.path, upstream });
  const { registry } = upstream;
  const wish = { folder: folder.path, registry, nodeFlags: options.nodeFlags };
  await using bare = await startBare(folder.path, registry, tags);
  await using never = await startServe({ ...wish, recheck: 'never' });
  await using always = await startServe({ ...wish, recheck: 'always' });
  const cases = makeCases(knownImages(registry, tags), podReviewBody);
  const [first] = cases;
  console.log(
    `${tags} tags, ${cases.length} Pod reviews of ${((first?.request.length ?? 0) / 1000).toFixed(1)} kB with 3 images each, ` +
      `${connections} connections, ${options.rounds} rounds of ${options.seconds} s each`,
  );

  using cleanUp = new DisposableStack();
  const contenders = [bare, never, always];
  const lanes = await Promise.all(
    contenders.map(async (contender) => ({
      contender,
      client: await openClient(contender.target, connections),
    })),
  );
  // a server that stops waits for its connections
  cleanUp.defer(() => {
    for (const { client } of lanes) client.close();
  });
  if ((await makeKnown(lanes.slice(1), cases)) > 0) return 1;

  const isPinned = pinAll(contenders, upstream.child.pid);
  say(
    isPinned
      ? `servers on core ${SERVER_CORE}, all else on core ${CLIENT_CORE}`
      : 'no taskset or one core: not pinned',
  );
  if ((await runHot(lanes, cases)) > 0) return 1;
  const measures = await runRounds({
    ...options,
    lanes,
    cases,
    upstream,
    serverCore: SERVER_CORE,
    onRound: (round, { name }, { perSecond, cpuUs, foreign, firstFault }) => {
      say(
        `round ${round + 1} ${name.padEnd(24)} ${perSecond.toFixed(0).padStart(6)}/s ${cpuUs.toFixed(0).padStart(5)} us, ` +
          `foreign ${(foreign * 100).toFixed(0)} %${firstFault === undefined ? '' : ` WRONG: ${firstFault}`}`,
      );
    },
  });
  const { mostHeadsOfOneTag } = await upstream.counts();
  return conclude(summarize(measures), mostHeadsOfOneTag);
}

/** An end by a signal awaits nothing: the children are killed by then, and their last writes are over soon. */
function removeOnSignal(folder: string): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => setTimeout(end, 500));
  function end(): void {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit(1);
  }
}

/** Each replica records one half of the tags by real admissions and then reads and verifies the other half. */
async function makeKnown(lanes: readonly Lane[], cases: readonly Case[]): Promise<number> {
  const [never, always] = lanes;
  if (never === undefined || always === undefined) throw new Error('a contender is missing');
  const half = Math.ceil(cases.length / 2);
  const halves = [cases.slice(0, half), cases.slice(half)] as const;
  const recorded = await all('recording the tags', cases.length, [
    [never, halves[0]],
    [always, halves[1]],
  ]);
  const read = await all('verifying the records of the other replica', cases.length, [
    [never, halves[1]],
    [always, halves[0]],
  ]);
  return recorded + read;
}

/** Until every compiler has done its work and both replicas have followed the log to its end. */
async function runHot(lanes: readonly Lane[], cases: readonly Case[]): Promise<number> {
  let wrong = 0;
  for (const { contender, client } of lanes) {
    const result = await client.run({ cases, until: { ms: HOT_MS }, compareEvery: 1 });
    say(`running hot: ${contender.name}, ${((result.answered / result.ms) * 1000).toFixed(0)}/s`);
    wrong += complain('running hot', result);
  }
  return wrong;
}

/** Sends each lane its cases, all lanes at once, and compares every answer in full. Resolves with the wrong ones. */
async function all(
  what: string,
  total: number,
  work: readonly (readonly [Lane, readonly Case[]])[],
): Promise<number> {
  const started = performance.now();
  let done = 0;
  const results = await Promise.all(
    work.map(([{ client }, cases]) =>
      client.run({
        cases,
        until: { reviews: cases.length },
        compareEvery: 1,
        onAnswer: () => {
          done += 1;
          if (done % Math.ceil(total / 10) === 0) say(`${what}: ${done} of ${total} reviews`);
        },
      }),
    ),
  );
  say(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return results.reduce((wrong, result) => wrong + complain(what, result), 0);
}

function complain(what: string, { wrong, firstFault }: LoadResult): number {
  if (wrong > 0) console.log(`${what}: ${wrong} wrong answers, the first: ${firstFault ?? ''}`);
  return wrong;
}

function pinAll(servers: readonly Contender[], upstreamPid: number): boolean {
  if (availableParallelism() < 2) return false;
  const server = servers.map(({ child }) => pin(child.pid, SERVER_CORE));
  const others = [process.pid, upstreamPid].map((pid) => pin(pid, CLIENT_CORE));
  return [...server, ...others].every(Boolean);
}

function conclude(summaries: readonly Summary[], mostHeadsOfOneTag: number): number {
  const [, never, always] = summaries;
  if (never === undefined || always === undefined) throw new Error('a contender is missing');
  const wrong = summaries.reduce((sum, summary) => sum + summary.wrong, 0);
  const answered = summaries.reduce((sum, summary) => sum + summary.answered, 0);
  const calls = never.registryCalls + never.logCalls + always.logCalls;
  console.log(`\n${renderTable(summaries)}\n`);
  console.log(
    'ratios: median of the rounds, to the bare loop of the same round; registry and log calls: per admission, counted at the registry and at the log',
  );
  console.log(`recheck always: at most ${mostHeadsOfOneTag} HEAD of any one tag within any 10 s`);
  const isRight = wrong === 0 && calls === 0 && mostHeadsOfOneTag <= 1;
  console.log(
    `${isRight ? 'ok' : 'FAILED'}: ${answered} answers, ${wrong} wrong; ${calls} calls that a warm admission may not make; ` +
      `rate ${never.rateRatio.toFixed(2)} (never), ${always.rateRatio.toFixed(2)} (always) of the bare loop, aim ${AIM.toFixed(2)}`,
  );
  return isRight ? 0 : 1;
}

function say(line: string): void {
  console.error(line);
}

process.exitCode = await main();
