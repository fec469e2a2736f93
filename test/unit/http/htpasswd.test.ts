import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashSync } from 'bcryptjs';
import { makeHtpasswdFile, parseHtpasswd } from '../../../src/http/htpasswd.ts';
import { makePasswordCheck, parseBasic } from '../../../src/http/password-check.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const hash = hashSync('right', 5);
const secret = Buffer.alloc(32);

describe('an htpasswd file', () => {
  it('holds users with bcrypt hashes, comments and empty lines', () => {
    expect([...parseHtpasswd(`# who\n\nann:${hash}\r\nbob:${hash}\n`, 'f').keys()]).toEqual(['ann', 'bob']);
  });

  it.each([
    ['ann:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs='],
    ['ann:$apr1$x$y'],
    ['ann:plain'],
    [`ann:${hash.replace('$05$', '$04$')}`],
    [`ann:${hash.replace('$05$', '$31$')}`],
    [`:${hash}`],
    ['ann'],
    [`ann:${hash}\nann:${hash}`],
    [''],
  ])('is refused with %j', async (text) => {
    expect(await codeOf(() => parseHtpasswd(text, 'f'))).toBe('CREDENTIALS_INVALID');
  });

  it('is read again when it has changed, and refused when it is gone', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'htpasswd');
    const read = makeHtpasswdFile(file);
    expect(await codeOf(read)).toBe('CREDENTIALS_INVALID');
    await writeFile(file, `ann:${hash}\n`);
    const first = await read();
    expect(await read()).toBe(first);
    await writeFile(file, `ann:${hash}\nbob:${hash}\n`);
    expect([...(await read()).keys()]).toEqual(['ann', 'bob']);
  });
});

describe('a password', () => {
  const long = 'x'.repeat(72);
  const users = new Map([
    ['ann', hash],
    ['long', hashSync(long, 5)],
  ]);
  const check = makePasswordCheck({ users: () => users, secret });

  it.each([
    ['ann', 'right', true],
    ['ann', 'wrong', false],
    ['ann', '', false],
    ['nobody', 'right', false],
    ['long', long, true],
    ['long', `${long}more`, false],
  ])('%s %.10s: %s', async (user, password, expected) => {
    expect(await check(user, password)).toBe(expected);
    expect(await check(user, password)).toBe(expected);
  });

  it('that was right counts no longer once its user has another hash', async () => {
    let current = new Map([['ann', hash]]);
    const changing = makePasswordCheck({ users: () => current, secret });
    expect(await changing('ann', 'right')).toBe(true);
    current = new Map([['ann', hashSync('other', 5)]]);
    expect(await changing('ann', 'right')).toBe(false);
    current = new Map([['bob', hash]]);
    expect(await changing('ann', 'right')).toBe(false);
  });

  it('is put off when too many are being checked', async () => {
    const results = await Promise.all(Array.from({ length: 80 }, (_, at) => check(`nobody ${at}`, 'x')));
    expect(results.filter((result) => result === 'busy').length).toBeGreaterThan(5);
  });
});

describe('an Authorization header', () => {
  const encode = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  it.each([
    [encode('ann:a:b'), { user: 'ann', password: 'a:b' }],
    [encode('ann:'), { user: 'ann', password: '' }],
    [encode('ann'), undefined],
    [encode(':x'), undefined],
    ['Bearer abc', undefined],
    ['Basic !', undefined],
    [undefined, undefined],
  ])('%s is read', (header, expected) => {
    expect(parseBasic(header)).toEqual(expected);
  });
});
