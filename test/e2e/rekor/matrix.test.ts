import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { makeResultTable } from '../../support/result-table.ts';
import { runTagseal, tagseal, writeConfig } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { verifyPlainly } from '../../support/verify-plainly.ts';
import { goTool } from '../stack/install.ts';
import { startLogs, LOG_KINDS, SIGNER_KINDS, type StartedLogs } from '../stack/logs.ts';

const COLUMNS = [
  'record',
  'recheck',
  'moved',
  'restore from the log alone',
  'accepted',
  'tracked',
  'offline verify',
  'cosign verify-blob',
] as const;
type Column = (typeof COLUMNS)[number];

const CELLS = LOG_KINDS.flatMap((log) => SIGNER_KINDS.map((signer) => ({ log, signer })));
const table = makeResultTable(
  CELLS.map(({ log, signer }) => `${log} ${signer}`),
  COLUMNS,
);

let folder: TempFolder;
let registry: FakeRegistry;
let logs: StartedLogs;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  logs = await startLogs(folder.path);
});

afterAll(async () => {
  console.log(`\n${table.text()}\n`);
  await logs[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe.each(CELLS)('evidence by $signer on a real log of kind $log', ({ log, signer }) => {
  const repository = `matrix/${log}-${signer}`;
  let image: string;
  let nightly: string;
  let data: TempFolder;
  const digests: string[] = [];

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host}/${repository}:1`;
    nightly = `${registry.host}/${repository}:nightly`;
    await writeConfig({
      folder: data.path,
      registries: [registry.host],
      config: [
        `scope: ${log}-${signer}`,
        ...logs.settings(log, signer),
        'policies: [{match: {images: ["**"]}, mutableTags: [{tags: [nightly], as: track}]}]',
      ],
    });
  });

  afterAll(async () => {
    await data[Symbol.asyncDispose]();
  });

  const cell = (column: Column, title: string, run: () => Promise<void>) =>
    it(title, () => table.cell(`${log} ${signer}`, column, run));
  const run = (...args: readonly string[]) => tagseal(data.path, ...args);
  const forgetRecords = () => rm(join(data.path, 'data', 'records'), { recursive: true, force: true });
  const push = async (text: string, tag = '1') => {
    const { digest } = await pushImage({ registryUrl: registry.url, repository, tag, text });
    return digest;
  };
  const generationsOf = async (reference: string) => {
    const { stdout } = await succeeded(run('history', reference, '-o', 'json'));
    return (JSON.parse(stdout) as { generations: readonly Generation[] }).generations;
  };

  cell('record', 'records a new tag', async () => {
    digests.push(await push('first'));
    await succeeded(run('record', image));
    expect(await generationsOf(image)).toMatchObject([{ generation: 0, digest: digests[0] }]);
  });

  cell('recheck', 'knows it again', async () => {
    await succeeded(run('check', image));
    await succeeded(run('record', image));
    expect(await generationsOf(image)).toHaveLength(1);
  });

  cell('moved', 'refuses it once it has moved', async () => {
    digests.push(await push('second'));
    const { code, stdout, stderr } = await run('check', image);
    expect({ code, said: stdout + stderr }).toEqual({
      code: 1,
      said: expect.stringContaining(String(digests[1])),
    });
  });

  cell('accepted', 'takes the move that a person accepts, and refuses the way back', async () => {
    await succeeded(run('accept', `${image}@${digests[1]}`, '--reason', 'rebuilt for a fix', '--by', 'ada'));
    await succeeded(run('check', image));
    expect(await generationsOf(image)).toMatchObject([
      { generation: 0, digest: digests[0] },
      { generation: 1, digest: digests[1], approval: { by: 'ada', reason: 'rebuilt for a fix' } },
    ]);
    await push('first');
    expect((await run('check', image)).code).toBe(1);
  });

  cell('restore from the log alone', 'restores the newest generation, and never an older one', async () => {
    // the tag points to what was recorded first, and the log knows that it was moved on purpose
    await forgetRecords();
    const lost = await run('record', image);
    expect({ code: lost.code, said: lost.stderr }).toEqual({
      code: 4,
      said: expect.stringContaining('recorded'),
    });
    await push('second');
    await succeeded(run('record', image));
    const [restored, ...others] = await generationsOf(image);
    expect(restored).toMatchObject({ generation: 1, digest: digests[1], origin: 'restore' });
    expect(others).toEqual([]);
    await forgetRecords();
    await succeeded(run('restore', `${image}@${digests[1]}`));
    await succeeded(run('check', image));
  });

  cell('tracked', 'follows a tag that the policy tracks, each move a generation', async () => {
    const moves = [await push('monday', 'nightly')];
    await succeeded(run('record', nightly));
    for (const text of ['tuesday', 'wednesday']) {
      moves.push(await push(text, 'nightly'));
      await succeeded(run('record', nightly));
    }
    const generations = await generationsOf(nightly);
    expect(generations.map(({ generation, digest }) => [generation, digest])).toEqual([...moves.entries()]);
  });

  cell('offline verify', 'verifies without a network, and by plain @sigstore/verify', async () => {
    const evidence = join(data.path, 'evidence');
    // a network namespace without so much as a loopback device
    await succeeded(
      runTagseal(data.path, ['verify', image, '--save', evidence], { under: ['unshare', '--net'] }),
    );
    for (const statement of ['claim', 'binding']) {
      verifyPlainly({
        statement: await readFile(join(evidence, `${statement}.json`)),
        bundle: await readFile(join(evidence, `${statement}.sigstore.json`), 'utf8'),
        trustedRoot: await readFile(join(evidence, 'trusted_root.json'), 'utf8'),
        ...(signer === 'key'
          ? { publicKey: await readFile(join(evidence, 'tagseal.pub'), 'utf8') }
          : { identity: logs.identity }),
      });
    }
  });

  cell('cosign verify-blob', 'gives cosign what it needs, by the commands that it prints', async () => {
    const { stdout } = await succeeded(run('verify', image, '--save', join(data.path, 'evidence')));
    const commands = [...stdout.matchAll(/^\s*(cosign verify-blob .*)$/gm)].map((match) => match[1] ?? '');
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const done = await cosign(command, data.path);
      expect({ command, code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      const swapped = command.replace(/binding\.json$/, 'claim.json');
      if (swapped !== command) expect((await cosign(swapped, data.path)).code).not.toBe(0);
    }
  });
});

interface Generation {
  readonly generation: number;
  readonly digest: string;
}

async function succeeded(command: Promise<Finished>): Promise<Finished> {
  const finished = await command;
  const { code, stdout, stderr } = finished;
  expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
  return finished;
}

function cosign(command: string, cwd: string): Promise<Finished> {
  return runProcess('sh', ['-c', command], {
    cwd,
    env: { PATH: `${join(goTool('cosign'), '..')}:${process.env['PATH'] ?? ''}` },
  });
}
