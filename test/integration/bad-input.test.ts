import { generateKeyPairSync } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openEmbeddedLog } from '../../src/rekor/embedded/embedded-log.ts';
import { readRecords } from '../support/served-ledger.ts';
import { runTagseal, writeConfig } from '../support/serve.ts';
import type { Finished } from '../support/start-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { SILENT } from '../support/test-log.ts';

interface Row {
  readonly title: string;
  readonly args?: readonly string[];
  readonly config?: readonly string[];
  /** The whole config file, instead. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: (folder: string) => Promise<unknown>;
  readonly code: number;
  /** What stderr must hold: the thing by its name, and what to do. */
  readonly says: readonly string[];
}

// nothing listens there, and nobody is to be asked
const IMAGE = '127.0.0.1:1/app:1';
const RECORD = ['record', IMAGE];
const KEY_FILE = ['signer: {keyFile: own.pem}'];

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
const key = (pem: string | Buffer) => (folder: string) => writeFile(join(folder, 'own.pem'), pem);

const ROWS: readonly Row[] = [
  {
    title: 'an image that is none',
    args: ['record', 'registry.example/App:1'],
    code: 2,
    says: ['"registry.example/App:1"', 'lower case'],
  },
  {
    title: 'an unknown setting in the config file',
    config: ['privcy: plain'],
    code: 2,
    says: ['tagseal.yaml', '"privcy"', 'did you mean privacy?'],
  },
  {
    title: 'an unknown setting in the environment',
    env: { TAGSEAL_SCOPPE: 'x' },
    code: 2,
    says: ['"TAGSEAL_SCOPPE"', 'did you mean TAGSEAL_SCOPE?'],
  },
  {
    title: 'a config file that is not YAML',
    file: 'log: {kind: embedded',
    code: 2,
    says: ['tagseal.yaml', 'line 1', 'correct its YAML'],
  },
  {
    title: 'a config file that is missing',
    args: ['--config', 'none.yaml', ...RECORD],
    code: 2,
    says: ['none.yaml', 'no such file', 'check --config'],
  },
  {
    title: 'a signing key that is missing',
    config: KEY_FILE,
    code: 2,
    says: ['own.pem', 'no such file', 'tagseal keygen --output-prefix'],
  },
  {
    title: 'a signing key that is a folder',
    config: KEY_FILE,
    prepare: (folder) => mkdir(join(folder, 'own.pem')),
    code: 2,
    says: ['own.pem', 'EISDIR', 'name a file'],
  },
  {
    title: 'a signing key that is encrypted',
    config: KEY_FILE,
    prepare: key(ec.export(locked)),
    code: 2,
    says: ['own.pem', 'encrypted', 'decrypt it with'],
  },
  {
    title: 'a signing key for RSA',
    config: KEY_FILE,
    prepare: key(rsa.export({ type: 'pkcs8', format: 'pem' })),
    code: 2,
    says: ['own.pem', '"rsa"', 'tagseal keygen'],
  },
  {
    title: 'a blinding key that is missing',
    config: ['blindingKeyFile: own.hex'],
    code: 2,
    says: ['own.hex', 'no such file', 'openssl rand -hex 32'],
  },
  {
    title: 'a CA file without a certificate',
    file: 'dataDir: data\nregistries: {caFile: own.pem}\n',
    prepare: key('none'),
    code: 2,
    says: ['own.pem', 'registries.caFile', 'name a file of PEM certificates'],
  },
  {
    title: 'a registry that has no address',
    args: ['record', 'registry.invalid/app:1'],
    code: 3,
    says: ['"registry.invalid"', 'no address', 'check its spelling'],
  },
  {
    title: 'a registry that does not answer',
    code: 3,
    says: ['"127.0.0.1:1"', 'ECONNREFUSED', 'check that it runs'],
  },
  {
    title: 'a log folder that is a file',
    prepare: async (folder) => {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'data', 'log'), '');
    },
    code: 3,
    says: [join('data', 'log'), 'ENOTDIR', 'check its disk'],
  },
];

function expectOneLine({ stderr }: Finished, says: readonly string[]): void {
  expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
  for (const text of says) expect(stderr).toContain(text);
}

/** The log has no leaf and the store has no record. */
async function expectNothingRecorded(folder: string): Promise<void> {
  expect(await readRecords(folder)).toEqual([]);
  await expect(access(join(folder, 'data', 'log', 'tiles', 'tile'))).rejects.toThrow();
}

describe('the command line', () => {
  it.concurrent.each(ROWS)('says in one line what is wrong with $title, and records nothing', async (row) => {
    await using folder = await makeTempFolder();
    await writeConfig({ folder: folder.path, registries: ['127.0.0.1:1', 'registry.invalid'], ...row });
    if (row.file !== undefined) await writeFile(join(folder.path, 'tagseal.yaml'), row.file);
    await row.prepare?.(folder.path);
    const finished = await runTagseal(folder.path, row.args ?? RECORD, row);
    expectOneLine(finished, row.says);
    expect(finished).toMatchObject({ code: row.code, stdout: '' });
    await expectNothingRecorded(folder.path);
  });

  it.concurrent('says which process has the log open, after it has waited for it', async () => {
    await using folder = await makeTempFolder();
    await writeConfig({ folder: folder.path, registries: [] });
    const log = await openEmbeddedLog({ dir: join(folder.path, 'data', 'log'), logger: SILENT });
    const finished = await runTagseal(folder.path, RECORD);
    await log.close();
    expectOneLine(finished, [`process ${process.pid} has it open`, 'stop it, or wait']);
    expect(finished.code).toBe(2);
    await expectNothingRecorded(folder.path);
  });
});

describe('serve', () => {
  let taken: Server;
  let address: string;
  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => taken.close(resolve)));

  it.each(['proxy', 'admission', 'admin'])('says in one line that the port of %s is in use', async (door) => {
    await using folder = await makeTempFolder();
    await writeConfig({ folder: folder.path, registries: [] });
    const env = { [`TAGSEAL_${door.toUpperCase()}_LISTEN`]: address };
    const finished = await runTagseal(folder.path, ['serve'], { env });
    expectOneLine(finished, [JSON.stringify(address), `set ${door}.listen to a free one`]);
    expect(finished.code).toBe(2);
    await expectNothingRecorded(folder.path);
    // what it had opened already is closed again
    await (await openEmbeddedLog({ dir: join(folder.path, 'data', 'log'), logger: SILENT })).close();
  });

  it('says in one line that its certificate authority is damaged, and nothing of what is in it', async () => {
    await using folder = await makeTempFolder();
    await writeConfig({ folder: folder.path, registries: [] });
    await mkdir(join(folder.path, 'data'));
    await writeFile(join(folder.path, 'data', 'admission-ca.json'), '{"cert": "c", "key": secret');
    const finished = await runTagseal(folder.path, ['serve']);
    expectOneLine(finished, ['admission-ca.json', 'delete the file to make a new one']);
    expect(finished.stderr).not.toContain('secret');
    expect(finished.code).toBe(2);
  });
});
