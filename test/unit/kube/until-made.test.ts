import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { KubeApi, KubeObject } from '../../../src/kube/api.ts';
import { makeKeySecret } from '../../../src/kube/key-secret.ts';
import { untilMade } from '../../../src/kube/until-made.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const forbidden = () => new AppError({ code: 'KUBERNETES_REFUSED', message: 'it may not create secrets' });
const { signal } = new AbortController();
const noPause = () => Promise.resolve();

describe('an object that this process may not make', () => {
  it('is waited for until somebody else has made it', async () => {
    let waits = 0;
    const attempt = () => (waits < 3 ? Promise.reject(forbidden()) : Promise.resolve('made'));
    const wait = () => {
      waits += 1;
      return Promise.resolve();
    };
    expect(await untilMade(attempt, wait, signal)).toBe('made');
    expect(waits).toBe(3);
  });

  it('is not waited for without end', async () => {
    let tries = 0;
    const attempt = () => {
      tries += 1;
      return Promise.reject(forbidden());
    };
    expect(await codeOf(() => untilMade(attempt, noPause, signal))).toBe('KUBERNETES_REFUSED');
    expect(tries).toBe(61);
  });

  it('is not waited for where something else is wrong', async () => {
    let tries = 0;
    const attempt = () => {
      tries += 1;
      return Promise.reject(new AppError({ code: 'KEY_INVALID', message: 'no key' }));
    };
    expect(await codeOf(() => untilMade(attempt, noPause, signal))).toBe('KEY_INVALID');
    expect(tries).toBe(1);
  });

  it('is not waited for after the stop', async () => {
    const stopped = AbortSignal.abort();
    expect(await codeOf(() => untilMade(() => Promise.reject(forbidden()), noPause, stopped))).toBe(
      'KUBERNETES_REFUSED',
    );
  });
});

describe('a reader of the keys who may not write them', () => {
  it('gets the key that the controller makes meanwhile', async () => {
    let secret: KubeObject | undefined;
    const api: Pick<KubeApi, 'get' | 'create' | 'replace' | 'listPage'> = {
      get: () => Promise.resolve(secret),
      create: () => Promise.reject(forbidden()),
      replace: () => Promise.reject(forbidden()),
      listPage: () => Promise.resolve({ items: [], resourceVersion: '1' }),
    };
    const wait = () => {
      secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'a-keys' },
        data: { 'signer.key': Buffer.from('theirs').toString('base64') },
      };
      return Promise.resolve();
    };
    const keys = makeKeySecret({ api, namespace: 'a', name: 'a-keys', wait });
    expect(await keys.readOrMake('signer.key', () => 'ours', signal)).toBe('theirs');
  });
});
