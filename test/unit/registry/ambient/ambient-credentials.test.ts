import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../../src/errors/app-error.ts';
import { makeAmbientCredentials } from '../../../../src/registry/ambient/ambient-credentials.ts';
import { ANONYMOUS, type Credential } from '../../../../src/registry/credential.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const NEVER = new AbortController().signal;
const WRITTEN = { kind: 'basic', username: 'a', password: 'b', source: 'a file' } as const;

function setup(seconds = 3600) {
  let now = 0;
  let written: Credential = ANONYMOUS;
  const asked: string[] = [];
  let fails = false;
  const credentials = makeAmbientCredentials({
    written: { find: async () => written },
    clouds: {
      google: async (registry) => {
        asked.push(registry);
        await Promise.resolve();
        if (fails) throw new AppError({ code: 'CREDENTIALS_INVALID', message: 'no identity' });
        return { username: 'u', password: `p${asked.length}`, seconds, service: 'the cloud' };
      },
    },
    clock: { now: () => now },
  });
  return {
    asked,
    find: (registry = 'gcr.io') => credentials.find(registry, 'app', NEVER),
    write: () => (written = WRITTEN),
    fail: () => (fails = true),
    pass: (ms: number) => (now += ms),
  };
}

describe('credentials of the cloud', () => {
  it('are for its own registries alone', async () => {
    const { find, asked } = setup();
    expect(await find('registry.example.com')).toEqual(ANONYMOUS);
    expect(await find('acme1.azurecr.io')).toEqual(ANONYMOUS);
    expect(asked).toEqual([]);
    expect(await find()).toMatchObject({ kind: 'basic', username: 'u', password: 'p1' });
  });

  it('stand behind those that somebody has written down', async () => {
    const { find, write, asked } = setup();
    write();
    expect(await find()).toBe(WRITTEN);
    expect(asked).toEqual([]);
  });

  it('are asked for once by all who come meanwhile, and again before they end', async () => {
    const { find, asked, pass } = setup(3600);
    await Promise.all([find(), find(), find()]);
    pass(54 * 60_000);
    await find();
    expect(asked).toHaveLength(1);
    pass(60_000);
    expect(await find()).toMatchObject({ password: 'p2' });
  });

  it('are used once where they end too soon', async () => {
    const { find, asked } = setup(60);
    await find();
    await find();
    expect(asked).toHaveLength(2);
  });

  it('that cannot be had are an error, and nobody goes on without', async () => {
    const { find, fail } = setup();
    fail();
    expect(await codeOf(find)).toBe('CREDENTIALS_INVALID');
  });
});
