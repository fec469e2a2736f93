import { describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { parsePostgresUrl } from '../../../src/config/postgres-url.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const parse = (url: string, hasCa = false) => parsePostgresUrl(url, { hasCa });

describe('parsePostgresUrl', () => {
  it('takes the parts of the address, percent-decoded', () => {
    expect(parse('postgresql://tag%40seal:p%2Fw%23%25@db.example.com:6432/rec?sslmode=verify-ca')).toEqual({
      host: 'db.example.com',
      port: 6432,
      user: 'tag@seal',
      password: 'p/w#%',
      database: 'rec',
      tls: 'verify-ca',
    });
  });

  const modes: readonly (readonly [string, boolean, string])[] = [
    ['postgres://u@db/d', false, 'verify-full'],
    ['postgres://u@10.0.0.1/d', false, 'verify-full'],
    ['postgres://u@127.1/d', false, 'verify-full'],
    ['postgres://u@localhost.evil/d', false, 'verify-full'],
    ['postgres://u@localhost/d', false, 'disable'],
    ['postgres://u@127.0.0.1/d', false, 'disable'],
    ['postgres://u@[::1]:5432/d', false, 'disable'],
    ['postgres://u@%2Frun%2Fpostgresql/d', false, 'disable'],
    ['postgres://u@127.0.0.1/d', true, 'verify-full'],
    ['postgres://u@db/d?sslmode=disable', false, 'disable'],
    ['postgres://u@db/d?sslmode=require', false, 'require'],
  ];
  it.each(modes)('%s with caFile: %s means %s', (url, hasCa, tls) => {
    expect(parse(url, hasCa).tls).toBe(tls);
  });

  const refused = [
    'mysql://u:sEcret@db/d',
    'postgres://u:sEcret@db',
    'postgres://:sEcret@db/d',
    'postgres://u:sEcret@/d',
    'postgres://u:sEcret@a,b/d',
    'postgres://u:sEcret@db:0/d',
    'postgres://u:sEcret@db:x/d',
    'postgres://u:sEcret@db/d/e',
    'postgres://u:sEcret@db/d#e',
    'postgres://u:sEcret%@db/d',
    'postgres://u:sEcret/x@db/d',
    'postgres://u:sEcret@db/d?sslmode=prefer',
    'postgres://u:sEcret@db/d?sslmode=disable&sslmode=verify-full',
    'postgres://u:sEcret@db/d?host=other',
    'postgres://u:sEcret@%2Frun/d?sslmode=require',
    `postgres://u:sEcret@db/${'d'.repeat(3000)}`,
    'sEcret',
  ];
  it.each(refused)('refuses %s without showing the password', (url) => {
    const error = caught(() => parse(url));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).not.toContain('sEcret');
  });

  it.each(['disable', 'require'])('refuses a caFile that sslmode=%s would not use', async (mode) => {
    expect(await codeOf(() => parse(`postgres://u@db/d?sslmode=${mode}`, true))).toBe('CONFIG_INVALID');
  });

  it('gives back any user, password and database that is percent-encoded', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((s) => !/[/\0]/.test(s));
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map((part) =>
          encodeURIComponent(part).replaceAll('.', '%2E'),
        );
        // a path of dots only is taken for a way up, however it is written
        fc.pre(!/^\.{1,2}$/.test(database));
        expect(parse(`postgres://${u}:${p}@db/${d}`)).toMatchObject({ user, password, database });
      }),
      { numRuns: 200 },
    );
  });

  it('throws nothing but our own error on junk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.constantFrom('', 'postgres://', 'postgres://u@'),
        async (text, start) => {
          await codeOf(() => parse(start + text));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the settings of the store', () => {
  async function read(text: string, environment: Readonly<Record<string, string>> = {}) {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'tagseal.yaml'), text);
    const { store } = readConfig({ environment, workingDirectory: folder.path });
    return { store, folder: folder.path };
  }

  it('are a folder by default', async () => {
    expect((await read('scope: a')).store).toEqual({ kind: 'directory' });
  });

  it('name a database, its authority and at most so many connections, 10 by default', async () => {
    const { store, folder } = await read('store: {kind: postgres, url: "postgres://u@db/d", caFile: ca.pem}');
    expect(store).toMatchObject({
      maxConnections: 10,
      caFile: join(folder, 'ca.pem'),
      server: { host: 'db' },
    });
  });

  it('come from variables too', async () => {
    const { store } = await read('', {
      TAGSEAL_STORE_KIND: 'postgres',
      TAGSEAL_STORE_URL: 'postgres://u:p@db/d',
      TAGSEAL_STORE_MAX_CONNECTIONS: '3',
    });
    expect(store).toMatchObject({ kind: 'postgres', maxConnections: 3, server: { password: 'p' } });
  });

  const url = 'url: "postgres://u:sEcret@db/d"';
  const refused: readonly (readonly [string, RegExp])[] = [
    ['{kind: postgres}', /store\.url .* must be set/],
    [`{${url}}`, /store\.url .* is not for store\.kind directory/],
    ['{caFile: x}', /store\.caFile .* is not for store\.kind directory/],
    ['{maxConnections: 4}', /store\.maxConnections .* is not for store\.kind directory/],
    [`{kind: postgres, ${url}, maxConnections: 0}`, /whole number from 1 to 1000/],
    [`{kind: postgres, ${url}, maxConnections: 1.5}`, /whole number from 1 to 1000/],
    [`{kind: postgres, ${url}, maxConnections: many}`, /whole number from 1 to 1000/],
    ['{kind: postgres, url: [sEcret]}', /store\.url: must be text$/],
    [`{kind: postgres, url: ${'sEcret'.repeat(1000)}}`, /store\.url: is too long$/],
  ];
  it.each(refused)('refuse %.60s', async (text, why) => {
    const error = await read(`store: ${text}`).then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(why) });
    expect(String(error)).not.toContain('sEcret');
  });
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return undefined;
}
