import { access, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { leafHash } from '../../../../src/ledger/leaf-hash.ts';
import { openEmbeddedLog } from '../../../../src/rekor/embedded/embedded-log.ts';
import { generateLogKey, parseLogKey } from '../../../../src/rekor/embedded/log-key.ts';
import { printEntryBundle } from '../../../../src/rekor/tiles.ts';
import { trustedRootFor } from '../../../../src/rekor/trusted-root.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { clientOf, SILENT } from '../../../support/test-log.ts';
import { NEVER, signedStatement } from '../../../support/test-signer.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const open = (dir: string, origin?: string) => openEmbeddedLog({ dir, logger: SILENT, origin });
const STATEMENTS = 5;
const CHECKPOINT = 'tiles/checkpoint';
const ENTRIES = 'tiles/tile/entries/000.p/5';

const DAMAGES: Readonly<Record<string, (dir: string) => Promise<void>>> = {
  'without its key': (dir) => rm(join(dir, 'key.pem')),
  'with another key': (dir) => writeFile(join(dir, 'key.pem'), generateLogKey().pem),
  'with a key that is none': (dir) => writeFile(join(dir, 'key.pem'), 'junk'),
  'without its checkpoint': (dir) => rm(join(dir, CHECKPOINT)),
  'without key and checkpoint': async (dir) => {
    await rm(join(dir, 'key.pem'));
    await rm(join(dir, CHECKPOINT));
  },
  'with a checkpoint that is none': (dir) => writeFile(join(dir, CHECKPOINT), 'junk'),
  'with a checkpoint changed by hand': (dir) =>
    changeText(join(dir, CHECKPOINT), (note) => note.replace('\n5\n', '\n4\n')),
  'without its entries': (dir) => rm(join(dir, 'tiles/tile'), { recursive: true }),
  'with one character of an entry changed': (dir) =>
    changeText(join(dir, ENTRIES), (text) => text.replace('SHA2_256', 'SHA2_257')),
  'with cut-off entries': async (dir) =>
    writeFile(join(dir, ENTRIES), (await readFile(join(dir, ENTRIES))).subarray(0, -1)),
  'with a checkpoint of its own key for other entries': async (dir) => {
    const key = parseLogKey(await readFile(join(dir, 'key.pem'), 'utf8'));
    const [origin = ''] = (await readFile(join(dir, CHECKPOINT), 'utf8')).split('\n');
    await writeFile(
      join(dir, CHECKPOINT),
      key.signCheckpoint({ origin, treeSize: STATEMENTS, rootHash: Buffer.alloc(32) }),
    );
  },
};

async function makeLog(dir: string): Promise<void> {
  const log = await open(dir);
  const client = clientOf(log.trust, log.transport);
  for (let i = 0; i < STATEMENTS; i += 1) await client.submit(await signedStatement(`s${i}`), NEVER);
  await log.close();
}

describe('openEmbeddedLog', () => {
  it('goes on with key, origin and entries of the log in the folder', async () => {
    await using folder = await makeTempFolder();
    const first = await open(folder.path);
    await first.close();
    await makeLog(folder.path);
    const again = await open(folder.path);
    expect([again.trust, again.published().treeSize]).toEqual([first.trust, STATEMENTS]);
    const client = clientOf(again.trust, again.transport);
    expect((await client.submit(await signedStatement('s1'), NEVER)).outcome).toBe('exists');
    await again.close();
  });

  it('names a log after its key unless it is given an origin', async () => {
    await using folder = await makeTempFolder();
    const log = await open(join(folder.path, 'one'));
    expect(log.trust.origin).toMatch(/^tagseal-embedded-[0-9a-f]{8}$/);
    await log.close();
    const named = await open(join(folder.path, 'two'), 'log.example.com');
    expect(named.trust.origin).toBe('log.example.com');
    await named.close();
  });

  it.each(['', 'a b', 'a\nb', 'a+b', '-x', 'ü'])('refuses %j as an origin', async (origin) => {
    await using folder = await makeTempFolder();
    expect(await codeOf(() => open(folder.path, origin))).toBe('CONFIG_INVALID');
  });

  it('writes the trusted root beside the log', async () => {
    await using folder = await makeTempFolder();
    const log = await open(folder.path);
    await log.close();
    const text = await readFile(join(folder.path, 'trusted_root.json'), 'utf8');
    expect(JSON.parse(text)).toEqual(trustedRootFor(log.trust));
  });

  it('keeps its key from other users', async () => {
    await using folder = await makeTempFolder();
    await (await open(folder.path)).close();
    expect((await stat(join(folder.path, 'key.pem'))).mode & 0o077).toBe(0);
  });

  it('removes an unsigned tail, and writes over it', async () => {
    await using folder = await makeTempFolder();
    await makeLog(folder.path);
    const entries = join(folder.path, 'tiles/tile/entries/000');
    const hashes = join(folder.path, 'tiles/tile/0/000');
    const tail = Array.from({ length: 256 }, (_, i) => Buffer.from(`tail ${i}`));
    await writeFile(entries, printEntryBundle(tail));
    await writeFile(`${entries}.p/6`, 'half writ');
    await writeFile(hashes, Buffer.concat(tail.map(leafHash)));
    const log = await open(folder.path);
    const client = clientOf(log.trust, log.transport);
    expect(log.published().treeSize).toBe(STATEMENTS);
    expect(await exists(entries)).toBe(false);
    expect(await exists(hashes)).toBe(false);
    expect((await client.submit(await signedStatement('next'), NEVER)).outcome).toBe('created');
    await log.close();
    await (await open(folder.path)).close();
  });

  it('repairs hash tiles from the entries', async () => {
    await using folder = await makeTempFolder();
    await makeLog(folder.path);
    const hashes = join(folder.path, 'tiles/tile/0/000.p/5');
    const before = await readFile(hashes);
    await writeFile(hashes, 'damaged');
    await (await open(folder.path)).close();
    expect(await readFile(hashes)).toEqual(before);
    await rm(hashes);
    await (await open(folder.path)).close();
    expect(await readFile(hashes)).toEqual(before);
  });

  it.each(Object.entries(DAMAGES))('refuses a log %s', async (_, damage) => {
    await using folder = await makeTempFolder();
    await makeLog(folder.path);
    await damage(folder.path);
    expect(await codeOf(() => open(folder.path))).toBe('LOG_FORKED');
    // a refusal leaves no lock behind
    expect(await codeOf(() => open(folder.path))).toBe('LOG_FORKED');
  });

  it('refuses to go on under another origin', async () => {
    await using folder = await makeTempFolder();
    await makeLog(folder.path);
    expect(await codeOf(() => open(folder.path, 'other.example.com'))).toBe('LOG_FORKED');
  });

  it('refuses a folder that cannot be one', async () => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'file'), '');
    expect(await codeOf(() => open(join(folder.path, 'file/log')))).toBe('LOG_UNAVAILABLE');
  });
});

async function changeText(path: string, change: (text: string) => string): Promise<void> {
  await writeFile(path, change(await readFile(path, 'utf8')));
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
