import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { codeBlocks, section, textOf } from '../../support/markdown.ts';
import { pushImage } from '../../support/push-image.ts';
import { cleanEnvironment, tagseal, writeConfig } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { goTool } from '../stack/install.ts';
import { startLogs, type LogKind, type SignerKind, type StartedLogs } from '../stack/logs.ts';

const DOC = textOf('docs/verify.md');
/** What the document names where the reader has something else. */
const DOC_ISSUER = 'https://issuer.example.com';
const DOC_LOG = 'https://rekor.example.com';

const blocksOf = (heading: string) =>
  codeBlocks(section(DOC, heading)).flatMap(({ language, text }) => (language === 'sh' ? [text] : []));
const [byKey = '', byCertificate = ''] = blocksOf('With cosign');
const [integratedTime = '', timestamp = ''] = blocksOf('When it was signed');
const [search = '', inclusion = ''] = blocksOf('With rekor-cli');

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

describe.each<{ log: LogKind; signer: SignerKind }>([
  { log: 'rekor-v1', signer: 'key' },
  { log: 'rekor-v1', signer: 'keyless' },
  { log: 'rekor-v2', signer: 'keyless' },
  { log: 'embedded', signer: 'keyless' },
])('docs/verify.md on a record by $signer on a log of kind $log', ({ log, signer }) => {
  let data: TempFolder;
  let image: string;

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host}/verify/${log}-${signer}:1`;
    const settings = { folder: data.path, registries: [registry.host], config: logs.settings(log, signer) };
    await writeConfig(settings);
    await pushImage({
      registryUrl: registry.url,
      repository: `verify/${log}-${signer}`,
      tag: '1',
      text: log + signer,
    });
    for (const args of [
      ['record', image],
      ['verify', image, '--save', 'evidence'],
    ]) {
      const { code, stderr } = await tagseal(data.path, ...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });
  afterAll(async () => {
    await data[Symbol.asyncDispose]();
  });

  /** Commands as the document has them, but for names; the first one that fails ends them. */
  function shell(commands: string, cwd = join(data.path, 'evidence')): Promise<Finished> {
    const here = commands
      .replaceAll(DOC_ISSUER, logs.identity.issuer)
      .replaceAll(DOC_LOG, log === 'rekor-v1' ? logs.rekorV1.url : DOC_LOG);
    return runProcess('sh', ['-euc', here], {
      cwd,
      env: {
        ...cleanEnvironment(data.path),
        PATH: [join(goTool('cosign'), '..'), join(goTool('rekorCli'), '..'), process.env['PATH'] ?? ''].join(
          ':',
        ),
      },
    });
  }

  const bySigner = signer === 'key' ? byKey : byCertificate;

  it('verifies with cosign, and not when the statement is another one', async () => {
    const done = await shell(bySigner);
    expect({ code: done.code, stderr: done.stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^(?:.*\n)?Verified OK\n(?:.*\n)?Verified OK\n$/),
    });
    const forged = join(data.path, 'forged');
    await cp(join(data.path, 'evidence'), forged, { recursive: true });
    await appendFile(join(forged, 'binding.json'), ' ');
    expect((await shell(bySigner, forged)).code).not.toBe(0);
  });

  it('says when it was signed, by the log or by a timestamp authority', async () => {
    const { stdout } = await shell(log === 'rekor-v1' ? integratedTime : timestamp);
    const year = new Date().getUTCFullYear();
    if (log === 'rekor-v1') expect(new Date(Number(stdout.trim()) * 1_000).getUTCFullYear()).toBe(year);
    else expect(stdout).toMatch(new RegExp(`^Time stamp: .* ${year} GMT$`, 'm'));
  });

  if (log === 'rekor-v1') {
    it('is found by rekor-cli by its statement alone, under the index and UUID that Tagseal shows', async () => {
      const done = await shell(search);
      expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: expect.any(String) });
      const history = await tagseal(data.path, 'history', image, '-o', 'json');
      const [{ log: entry }] = (JSON.parse(history.stdout) as History).generations;
      expect(done.stdout).toContain(`Index: ${entry.index}\n`);
      expect(done.stdout).toContain(`UUID: ${entry.uuid}`);
    });
  }

  if (log === 'rekor-v1' && signer === 'key') {
    it('is proven to be in the tree by rekor-cli', async () => {
      const done = await shell(inclusion);
      expect({ code: done.code, said: done.stdout + done.stderr }).toEqual({
        code: 0,
        said: expect.stringContaining('Inclusion Proof'),
      });
    });
  }
});

interface History {
  readonly generations: readonly [{ readonly log: { readonly index: number; readonly uuid: string } }];
}
