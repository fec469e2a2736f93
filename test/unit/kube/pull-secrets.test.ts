import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import type { KubeObject } from '../../../src/kube/api.ts';
import { makePullSecretLookup, type PullSecretsAsked } from '../../../src/kube/pull-secrets.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const CONTENT = '{"auths":{"a.io":{"auth":"dTpw"}}}';

function secret(change: Readonly<Record<string, unknown>> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'regcred', namespace: 'shop' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(CONTENT).toString('base64') },
    ...change,
  };
}

function account(names: readonly unknown[]): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app' }, imagePullSecrets: names };
}

/** An API server with these objects of namespace shop, by `plural/name`. */
function lookUp(objects: Readonly<Record<string, KubeObject | ErrorCode>>, asked: Partial<PullSecretsAsked>) {
  const calls: string[] = [];
  const lookup = makePullSecretLookup({
    async get(resource, name) {
      const path = `${resource.plural}/${name}`;
      calls.push(`${resource.namespace}/${path}`);
      const found = objects[path];
      if (typeof found === 'string') throw new AppError({ code: found, message: `told to: ${found}` });
      return found;
    },
  });
  return { calls, answer: lookup.find({ namespace: 'shop', names: [], ...asked }, signal) };
}

describe('the look-up of pull secrets', () => {
  it('reads what the pod names, in its order, by get alone', async () => {
    const cfg = secret({ type: 'kubernetes.io/dockercfg', data: { '.dockercfg': 'e30=' } });
    const { answer, calls } = lookUp({ 'secrets/b': secret(), 'secrets/a': cfg }, { names: ['b', 'a'] });
    expect(await answer).toEqual({
      secrets: [
        { name: 'shop/b', type: 'dockerconfigjson', content: CONTENT },
        { name: 'shop/a', type: 'dockercfg', content: '{}' },
      ],
      unreadable: [],
    });
    expect(calls).toEqual(['shop/secrets/b', 'shop/secrets/a']);
  });

  it('asks the service account only where the pod names none', async () => {
    const objects = {
      'serviceaccounts/app': account([{ name: 'b' }, { name: 'b' }, { name: '../x' }, {}, 7]),
      'secrets/a': secret(),
      'secrets/b': secret(),
    };
    const own = lookUp(objects, { names: ['a'], serviceAccount: 'app' });
    expect((await own.answer).secrets.map(({ name }) => name)).toEqual(['shop/a']);
    expect(own.calls).toEqual(['shop/secrets/a']);
    const inherited = lookUp(objects, { serviceAccount: 'app' });
    expect((await inherited.answer).secrets.map(({ name }) => name)).toEqual(['shop/b']);
    expect(await lookUp({}, { serviceAccount: 'app' }).answer).toEqual({ secrets: [], unreadable: [] });
  });

  it.each<[string, KubeObject | ErrorCode | undefined, string]>([
    ['is not there', undefined, 'there is no such Secret'],
    ['may not be read', 'KUBERNETES_REFUSED', 'told to'],
    ['cannot be asked for', 'KUBERNETES_UNAVAILABLE', 'told to'],
    ['is of another type', secret({ type: 'Opaque' }), 'its type is "Opaque"'],
    ['has no type', secret({ type: undefined }), 'its type is ""'],
    ['has no data', secret({ data: undefined }), 'it has no .dockerconfigjson'],
    ['has data that is no text', secret({ data: { '.dockerconfigjson': 7 } }), 'it has no .dockerconfigjson'],
    ['is too large', secret({ data: { '.dockerconfigjson': 'A'.repeat(2_097_153) } }), 'exceeds'],
  ])('tells of a secret that %s, and reads the others', async (_, broken, why) => {
    const objects = { 'secrets/b': secret(), ...(broken !== undefined && { 'secrets/a': broken }) };
    const { secrets, unreadable } = await lookUp(objects, { names: ['a', 'b'] }).answer;
    expect(secrets.map(({ name }) => name)).toEqual(['shop/b']);
    expect(unreadable).toEqual([{ name: 'shop/a', why: expect.stringContaining(why) }]);
  });

  it('tells of a service account that may not be read', async () => {
    const { answer } = lookUp({ 'serviceaccounts/app': 'KUBERNETES_REFUSED' }, { serviceAccount: 'app' });
    expect(await answer).toMatchObject({ secrets: [], unreadable: [{ name: 'shop/app (service account)' }] });
  });

  it('throws what is no answer of the API server', async () => {
    const { answer } = lookUp({ 'secrets/a': 'INTERNAL' }, { names: ['a'] });
    expect(await codeOf(() => answer)).toBe('INTERNAL');
  });
});
