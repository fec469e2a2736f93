import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credential } from '../../../src/registry/credential.ts';
import { makeCredentials } from '../../../src/registry/credentials.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const auth = (text: string) => Buffer.from(text).toString('base64');
const fromHelper: Credential = { kind: 'basic', username: 'helped', password: 'p', source: 'helper' };

describe('makeCredentials', () => {
  let folder: TempFolder;
  let path: string;
  let asked: string[];
  const clock = makeManualClock();

  beforeEach(async () => {
    folder = await makeTempFolder();
    path = join(folder.path, 'config.json');
    asked = [];
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  const make = (required = true) =>
    makeCredentials({
      file: { path, required },
      clock,
      askHelper: async (name, server) => {
        asked.push(`${name} ${server}`);
        return fromHelper;
      },
    });
  const write = (config: unknown) => writeFile(path, JSON.stringify(config));

  it('is anonymous without a file', async () => {
    const credentials = makeCredentials({ clock, askHelper: async () => fromHelper });
    expect(await credentials.find('a.b', 'c', never)).toEqual({ kind: 'anonymous' });
  });

  it('is anonymous when the default file is missing', async () => {
    expect(await make(false).find('a.b', 'c', never)).toEqual({ kind: 'anonymous' });
  });

  it('refuses to go on when a configured file is missing', async () => {
    expect(await codeOf(() => make().find('a.b', 'c', never))).toBe('CREDENTIALS_INVALID');
  });

  it.each([true, false])('refuses a file that is a folder (required: %j)', async (required) => {
    path = folder.path;
    expect(await codeOf(() => make(required).find('a.b', 'c', never))).toBe('CREDENTIALS_INVALID');
  });

  it('refuses a file above 1 MiB', async () => {
    await writeFile(path, ' '.repeat(1024 * 1024 + 1));
    expect(await codeOf(() => make().find('a.b', 'c', never))).toBe('CREDENTIALS_INVALID');
  });

  it('reads the file again when it has changed, a second later', async () => {
    const credentials = make();
    await write({ auths: { 'a.b': { auth: auth('old:p') } } });
    expect(await credentials.find('a.b', 'c', never)).toMatchObject({ username: 'old' });
    await write({ auths: { 'a.b': { auth: auth('new:p') } } });
    await utimes(path, 1, 1);
    // one look at the file serves for a second
    expect(await credentials.find('a.b', 'c', never)).toMatchObject({ username: 'old' });
    clock.advance(1_000);
    expect(await credentials.find('a.b', 'c', never)).toMatchObject({ username: 'new' });
  });

  it('asks the helper of the registry before it looks at the entries, and the general one after', async () => {
    await write({
      auths: { 'a.b': { auth: auth('file:p') }, 'c.d': { auth: auth('file:p') } },
      credHelpers: { 'a.b': 'own' },
      credsStore: 'store',
    });
    const credentials = make();
    expect(await credentials.find('a.b', 'x', never)).toMatchObject({ username: 'helped' });
    expect(await credentials.find('c.d', 'x', never)).toMatchObject({ username: 'file' });
    await credentials.find('docker.io', 'x', never);
    expect(asked).toEqual(['own a.b', 'store https://index.docker.io/v1/']);
  });

  it('asks a helper once in 5 minutes, and once for askers at the same time', async () => {
    await write({ credsStore: 'store' });
    const credentials = make();
    await Promise.all([credentials.find('a.b', 'x', never), credentials.find('a.b', 'y', never)]);
    clock.advance(299_999);
    await credentials.find('a.b', 'z', never);
    expect(asked.length).toBe(1);
    clock.advance(1);
    await credentials.find('a.b', 'z', never);
    expect(asked.length).toBe(2);
  });

  it('does not fall back to anonymous when the file becomes unreadable', async () => {
    await write({});
    const credentials = make(false);
    await credentials.find('a.b', 'c', never);
    await writeFile(path, '{');
    await chmod(path, 0o600);
    clock.advance(1_000);
    expect(await codeOf(() => credentials.find('a.b', 'c', never))).toBe('CREDENTIALS_INVALID');
  });
});
