import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { makeAskHelper } from '../../../src/registry/credential-helper.ts';
import type { AskHelper } from '../../../src/registry/credential-helper.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;

/** Shell scripts in the place of helper programs. */
const HELPERS: Readonly<Record<string, string>> = {
  ok: 'read server; printf \'{"ServerURL":"%s","Username":"u-%s-%s","Secret":"s"}\' "$server" "$1" "$server"',
  token: 'echo \'{"Username":"<token>","Secret":"refresh"}\'',
  deaf: 'echo \'{"Username":"u","Secret":"s"}\'',
  none: 'echo "credentials not found in native keychain"; exit 1',
  broken: 'echo "secret" >&2; echo "secret"; exit 3',
  junk: 'echo secret',
  empty: 'echo \'{"Username":"u","Secret":""}\'',
  flood: 'while :; do echo secretsecretsecretsecretsecretsecretsecretsecretsecret; done',
};

describe('askHelper', () => {
  let folder: TempFolder;
  let askHelper: AskHelper;

  beforeAll(async () => {
    folder = await makeTempFolder();
    for (const [name, script] of Object.entries(HELPERS)) {
      const file = join(folder.path, `docker-credential-${name}`);
      await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    askHelper = makeAskHelper({ PATH: `${folder.path}${delimiter}${process.env['PATH'] ?? ''}` });
  });
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('runs "get" with the server on stdin', async () => {
    const found = await askHelper('ok', 'ghcr.io', never);
    expect(found).toMatchObject({ kind: 'basic', username: 'u-get-ghcr.io', password: 's' });
  });

  it('reads the user name <token> as an identity token', async () => {
    expect(await askHelper('token', 'a.b', never)).toMatchObject({ kind: 'identityToken', token: 'refresh' });
  });

  it('does not mind a helper that reads nothing', async () => {
    expect(await askHelper('deaf', 'a.b', never)).toMatchObject({ username: 'u' });
  });

  it('is anonymous when the helper holds nothing', async () => {
    expect(await askHelper('none', 'a.b', never)).toEqual({ kind: 'anonymous' });
  });

  it('ends with its asker', async () => {
    const asker = new AbortController();
    const asked = askHelper('flood', 'a.b', asker.signal);
    asker.abort();
    expect(await codeOf(() => asked)).toBe('CREDENTIALS_INVALID');
  });

  it.each(['broken', 'junk', 'empty', 'flood', 'absent'])(
    'refuses the helper "%s" without showing its output',
    async (name) => {
      expect(await codeOf(() => askHelper(name, 'a.b', never))).toBe('CREDENTIALS_INVALID');
      const error: unknown = await askHelper(name, 'a.b', never).catch((thrown: unknown) => thrown);
      expect(String(error)).not.toContain('secret');
    },
  );
});
