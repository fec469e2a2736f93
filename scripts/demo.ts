// The whole story without a cluster: every request below is a real one, to real processes on this machine.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { startFakeRegistry } from '../test/support/fake-registry.ts';
import { pushImage } from '../test/support/push-image.ts';
import { podReview, review } from '../test/support/serve.ts';
import { runProcess, startProcess } from '../test/support/start-process.ts';

const PROGRAM = 'dist/tagseal.cjs';

const say = (text = '') => console.log(text);
const step = (text: string) => say(`\n${styleText('bold', text)}`);
const sent = (text: string) => say(styleText('cyan', `  > ${text}`));
const got = (text: string) => {
  for (const line of text.trimEnd().split('\n')) say(`    ${line}`);
};
const good = (text: string) => say(styleText('green', `  ✓ ${text}`));
const refused = (text: string) => say(styleText('red', `  ✗ ${text}`));

/** The story must come out as told. */
function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`the demo did not go as told: ${what}`);
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

async function get(url: string): Promise<Answer> {
  const answer = await fetch(url);
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tagseal-demo-'));
  await using registry = await startFakeRegistry();
  const image = `${registry.host}/demo/app:1.0`;
  const push = (text: string) =>
    pushImage({ registryUrl: registry.url, repository: 'demo/app', tag: '1.0', text });

  step('1. A registry with a multi-platform image, pushed by the distribution API');
  const first = await push('the version that was tested');
  sent(`PUT ${registry.url}/v2/demo/app/manifests/1.0`);
  good(`${image} is ${first.digest}`);

  step('2. tagseal serve, a process of its own with an embedded log');
  const config = join(folder, 'tagseal.yaml');
  await writeFile(
    config,
    [
      `dataDir: ${join(folder, 'data')}`,
      `registries: {allow: ["${registry.host}"], plainHttp: ["${registry.host}"]}`,
      'proxy: {listen: "127.0.0.1:0"}',
      'admission: {listen: "127.0.0.1:0"}',
      'admin: {listen: "127.0.0.1:0"}',
      'logLevel: warn',
    ].join('\n'),
  );
  const environment = { ...noSettings(), TAGSEAL_CONFIG: config };
  const serve = () => startProcess(process.execPath, [PROGRAM, 'serve'], { env: environment });
  await using server = serve();
  const proxy = (await server.waitFor(/proxy +(http:\S+)/))[1] ?? '';
  const webhook = (await server.waitFor(/admission +(https:\S+)/))[1] ?? '';
  sent(`tagseal serve --config ${config}`);
  good(`pull proxy ${proxy}, admission webhook ${webhook}`);

  const pull = `${proxy}/v2/${registry.host.replace(':', '_')}/demo/app/manifests/1.0`;
  step('3. The first pull through the proxy records the tag');
  sent(`GET ${pull}`);
  const recorded = await get(pull);
  got(
    `${recorded.status}, Tlog-First-Seen: ${recorded.headers.get('tlog-first-seen') ?? 'no'}, Tlog-Logindex: ${recorded.headers.get('tlog-logindex') ?? 'none'}`,
  );
  expect(
    'the first pull records',
    recorded.status === 200 && recorded.headers.get('tlog-first-seen') === 'true',
  );
  expect('the digest is the pushed one', recorded.headers.get('docker-content-digest') === first.digest);
  good('claim and binding are signed and in the log; from now on 1.0 means this digest');

  step('4. The second pull finds the record');
  sent(`GET ${pull}`);
  const known = await get(pull);
  got(
    `${known.status}, Tlog-First-Seen: ${known.headers.get('tlog-first-seen') ?? 'no'}, Tlog-Logindex: ${known.headers.get('tlog-logindex') ?? 'none'}`,
  );
  expect('the second pull is known', known.status === 200 && known.headers.get('tlog-first-seen') === null);

  const ca = await readFile(join(folder, 'data', 'admission-ca.pem'), 'utf8');
  step('5. A Pod with the tag is pinned by the admission webhook');
  sent(`POST ${webhook}/mutate   Pod shop/app, image ${image}`);
  const pinned = await review({ webhook, ca }, podReview([image]));
  const patch = Buffer.from(pinned.patch ?? '', 'base64').toString('utf8');
  got(patch);
  expect('the Pod is pinned', pinned.allowed && patch.includes(`${image}@${first.digest}`));

  step('6. Somebody moves the tag');
  const second = await push('something else under the same name');
  sent(`PUT ${registry.url}/v2/demo/app/manifests/1.0`);
  got(`1.0 now points to ${second.digest}`);
  await server.stop();
  await using restarted = serve();
  const proxyAgain = (await restarted.waitFor(/proxy +(http:\S+)/))[1] ?? '';
  const webhookAgain = (await restarted.waitFor(/admission +(https:\S+)/))[1] ?? '';
  got('(equal look-ups are shared for 10 s; a restarted tagseal has made none yet)');

  step('7. The pull is refused');
  const refusedPull = pull.replace(proxy, proxyAgain);
  sent(`GET ${refusedPull}`);
  const moved = await get(refusedPull);
  const { errors } = JSON.parse(moved.body) as { errors: { code: string; message: string }[] };
  got(`${moved.status} ${errors[0]?.code ?? ''}: ${errors[0]?.message ?? ''}`);
  expect('the moved tag is refused', moved.status === 403 && moved.body.includes('mismatch'));
  refused('no client gets bytes that the tag did not mean');

  step('8. The Pod is refused, with what kubectl apply would show');
  sent(`POST ${webhookAgain}/mutate   Pod shop/app, image ${image}`);
  const denied = await review({ webhook: webhookAgain, ca }, podReview([image]));
  const message = denied.status?.message ?? '';
  got(message);
  expect('the Pod is refused', !denied.allowed && message.startsWith('tag moved'));

  step('9. The evidence verifies offline: no registry, no log, no server');
  await restarted.stop();
  await registry[Symbol.asyncDispose]();
  const evidence = join(folder, 'evidence');
  sent(`tagseal verify ${image} --save ${evidence}`);
  const verified = await runProcess(process.execPath, [PROGRAM, 'verify', image, '--save', evidence], {
    env: environment,
  });
  got(verified.stdout || verified.stderr);
  expect(`the record verifies (exit ${verified.code})`, verified.code === 0);
  good(`records, log and keys lie in ${folder}: rm -r it when you have seen enough`);
}

/** The demo's own settings, whatever the caller's shell has set. */
function noSettings(): Record<string, undefined> {
  const names = Object.keys(process.env).filter((name) => name.startsWith('TAGSEAL_'));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

try {
  await main();
} catch (error) {
  console.error(styleText('red', error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
}
