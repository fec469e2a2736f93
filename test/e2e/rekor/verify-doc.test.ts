import { appendFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { codeBlocks, section, textOf } from '../../support/markdown.ts';
import { pushImage } from '../../support/push-image.ts';
import { cleanEnvironment, PROGRAM, tagseal, writeConfig } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { goTool } from '../stack/install.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';

const DOC = textOf('docs/verify.md');
const [INTRODUCTION = ''] = DOC.split('\n## ');
/** The names that the document uses, plain and blinded. */
const PLAIN_IMAGE = 'ghcr.io/acme/api:1.4.2';
const BLINDED_IMAGE = 'registry.example.com/acme/api:1.4.2';

const shells = (text: string) => codeBlocks(text).filter(({ language }) => language === 'sh');
const commandsIn = (text: string) =>
  shells(text)
    .map((block) => block.text)
    .join('\n');
const commandsOf = (heading: string) => commandsIn(section(DOC, heading));
/** For a record by key; the others are run by verify-doc-signers.test.ts. */
const COSIGN = shells(section(DOC, 'With cosign'))[0]?.text ?? '';
const expectedOutput = codeBlocks(section(DOC, 'With openssl alone')).find(
  ({ language }) => language === 'text',
);
const [plainClaim = '', blindedClaim = ''] = shells(section(DOC, "That the claim is this tag's")).map(
  ({ text }) => text,
);

let folder: TempFolder;
let registry: FakeRegistry;
let rekor: StartedRekor;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  rekor = await startRekorV2(join(folder.path, 'rekor'));
});

afterAll(async () => {
  await rekor[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function logSettings(kind: string): string {
  if (kind === 'embedded') return 'log: {kind: embedded}';
  const { url, readUrl, origin, publicKeyFile } = rekor;
  return `log: ${JSON.stringify({ kind, url, readUrl, origin, publicKeyFile })}`;
}

describe.each([
  { kind: 'rekor-v2', privacy: 'plain', claim: plainClaim },
  { kind: 'embedded', privacy: 'blinded', claim: blindedClaim },
])('docs/verify.md on a $privacy record of a log of kind $kind', ({ kind, privacy, claim }) => {
  let data: TempFolder;
  let image: string;

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host}/doc/${kind}:1.4.2`;
    await pushImage({ registryUrl: registry.url, repository: `doc/${kind}`, tag: '1.4.2', text: kind });
    await writeConfig({
      folder: data.path,
      registries: [registry.host],
      config: [logSettings(kind), `privacy: ${privacy}`],
    });
    // the last leaves of a tree that is no power of two have the least regular path
    const earlier = [1, 2].map((n) => ({ repository: `doc/earlier-${n}`, tag: '1', text: String(n) }));
    for (const each of earlier) await pushImage({ registryUrl: registry.url, ...each });
    for (const each of [...earlier.map((one) => `${registry.host}/${one.repository}:1`), image]) {
      const { code, stderr } = await tagseal(data.path, 'record', each);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    await mkdir(join(data.path, 'bin'));
    await writeFile(
      join(data.path, 'bin', 'tagseal'),
      `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`,
      {
        mode: 0o755,
      },
    );
    await symlink(goTool('cosign'), join(data.path, 'bin', 'cosign'));
    await cp(join(data.path, 'data', 'blinding.key'), join(data.path, 'blinding.key'));
    const saved = await shell(commandsIn(INTRODUCTION), data.path);
    expect({ code: saved.code, stderr: saved.stderr }).toEqual({ code: 0, stderr: '' });
  });
  afterAll(async () => {
    await data[Symbol.asyncDispose]();
  });

  /** Commands as the document has them, but for the image; the first one that fails ends them. */
  function shell(commands: string, cwd: string): Promise<Finished> {
    const here = commands.replaceAll(PLAIN_IMAGE, image).replaceAll(BLINDED_IMAGE, image);
    return runProcess('sh', ['-euc', here], {
      cwd,
      env: {
        ...cleanEnvironment(data.path),
        PATH: `${join(data.path, 'bin')}:${process.env['PATH'] ?? ''}`,
      },
    });
  }

  it('says of which tag it is', async () => {
    const done = await shell(commandsOf('What the record says'), join(data.path, 'evidence'));
    expect(done.stdout).toContain(`"name":"${image}"`);
  });

  it('verifies with cosign', async () => {
    const done = await shell(COSIGN, join(data.path, 'evidence'));
    expect({ code: done.code, stderr: done.stderr }).toEqual({
      code: 0,
      stderr: 'Verified OK\nVerified OK\n',
    });
  });

  it('verifies with openssl alone, and prints what the document says', async () => {
    const done = await shell(commandsOf('With openssl alone'), join(data.path, 'evidence'));
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
    const lines = done.stdout.split('\n').filter((line) => !/^[0-9a-f]{64} /.test(line));
    expect(lines.join('\n').trim()).toBe(expectedOutput?.text.trim());
    const leaf = /^([0-9a-f]{64}) /m.exec(done.stdout)?.[1];
    const known = await tagseal(data.path, 'history', image, '-o', 'json');
    expect(known.stdout).toContain(leaf);
  });

  it('shows whose claim it is', async () => {
    const done = await shell(claim, join(data.path, 'evidence'));
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
    const [computed, claimed] = done.stdout.match(/[0-9a-f]{64}/g) ?? [];
    expect(computed).toBeDefined();
    expect(computed).toBe(claimed);
  });

  it.each(['binding.json', 'tagseal.pub', 'binding.sigstore.json'])(
    'fails with cosign and with openssl when %s is another one',
    async (file) => {
      const forged = join(data.path, `forged-${file}`);
      await cp(join(data.path, 'evidence'), forged, { recursive: true });
      if (file === 'binding.json') await appendFile(join(forged, file), ' ');
      else if (file === 'tagseal.pub') await writeOtherKey(join(forged, file));
      else await cp(join(forged, 'claim.sigstore.json'), join(forged, file));
      for (const commands of [COSIGN, commandsOf('With openssl alone')]) {
        const done = await shell(commands, forged);
        expect({ commands, failed: done.code !== 0 }).toEqual({ commands, failed: true });
      }
    },
  );

  async function writeOtherKey(path: string): Promise<void> {
    const made = await tagseal(data.path, 'keygen', '--output-prefix', join(data.path, 'other'));
    expect(made.code).toBe(0);
    await cp(join(data.path, 'other.pub'), path);
  }
});

describe('docs/verify.md', () => {
  it('has no command that is not run here', () => {
    const run = [
      INTRODUCTION,
      ...[
        'What the record says',
        'With cosign',
        'When it was signed',
        'With rekor-cli',
        'With openssl alone',
      ].map((heading) => section(DOC, heading)),
      section(DOC, "That the claim is this tag's"),
    ];
    expect(run.flatMap(shells).length).toBe(shells(DOC).length);
  });
});
