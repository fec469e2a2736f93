import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, LookupFunction } from 'node:net';
import { isTransient, toSendError } from '../../../src/registry/send-error.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;

function failing(code: string): Error {
  return Object.assign(new Error('from the wire'), { code });
}

describe('toSendError', () => {
  it.each([
    ['ENOTFOUND', 'REGISTRY_UNAVAILABLE', false],
    ['EAI_AGAIN', 'REGISTRY_UNAVAILABLE', true],
    ['ECONNREFUSED', 'REGISTRY_UNAVAILABLE', true],
    ['ECONNRESET', 'REGISTRY_UNAVAILABLE', true],
    ['UND_ERR_SOCKET', 'REGISTRY_UNAVAILABLE', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'REGISTRY_UNAVAILABLE', false],
    ['UND_ERR_HEADERS_TIMEOUT', 'REGISTRY_UNAVAILABLE', false],
    ['UND_ERR_BODY_TIMEOUT', 'REGISTRY_UNAVAILABLE', false],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'REGISTRY_ANSWER_INVALID', false],
    ['UND_ERR_HEADERS_OVERFLOW', 'REGISTRY_ANSWER_INVALID', false],
    ['HPE_INVALID_CONSTANT', 'REGISTRY_ANSWER_INVALID', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'REGISTRY_UNAVAILABLE', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'REGISTRY_UNAVAILABLE', false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'REGISTRY_UNAVAILABLE', false],
    ['EPROTO', 'REGISTRY_UNAVAILABLE', false],
    ['EWHATEVER', 'REGISTRY_UNAVAILABLE', false],
  ])('makes %s a %s, worth another try: %j', (code, expected, again) => {
    const error = toSendError(failing(code), 'a.example', 'cannot resolve "x"');
    expect([error.code, isTransient(error)]).toEqual([expected, again]);
    expect(error.message).toMatch(/^cannot resolve "x": "a\.example" [^\n]*; [^\n]*$/);
  });
});

it.each([
  ['ECONNREFUSED', 5],
  ['UND_ERR_CONNECT_TIMEOUT', 5],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', undefined],
  ['ERR_SSL_WRONG_VERSION_NUMBER', undefined],
  ['HPE_INVALID_CONSTANT', undefined],
])('another try after %s can help in %p s', (code, seconds) => {
  expect(toSendError(failing(code), 'a.example', 'cannot resolve "x"').retryAfterSeconds).toBe(seconds);
});

describe('a registry that cannot be reached', () => {
  it('is unavailable when nothing listens there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const registry = makeTestRegistry([`127.0.0.1:${port}`]);
    const asked = () => registry.resolver.fetch(tagReference(`127.0.0.1:${port}/app:1`), never);
    expect(await codeOf(asked)).toBe('REGISTRY_UNAVAILABLE');
    await registry.close();
  });

  it('is unavailable when its name has no address, and is looked up once', async () => {
    let lookups = 0;
    const lookup: LookupFunction = (_host, _options, callback) => {
      lookups += 1;
      callback(failing('ENOTFOUND'), []);
    };
    const registry = makeTestRegistry([], { lookup });
    const asked = () => registry.resolver.fetch(tagReference('nowhere.example/app:1'), never);
    expect(await codeOf(asked)).toBe('REGISTRY_UNAVAILABLE');
    expect(lookups).toBe(1);
    await registry.close();
  });

  it('is unavailable by https when it speaks plain http', async () => {
    await using fake = await startFakeRegistry();
    const registry = makeTestRegistry([], { namedHosts: new Set([fake.host]) });
    const error: unknown = await registry.resolver
      .fetch(tagReference(`${fake.host}/app:1`), never)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('registries.plainHttp'),
    });
    await registry.close();
  });

  it('is invalid when it does not speak HTTP', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end('220 mail ready\r\n'));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const registry = makeTestRegistry([host]);
    const asked = () => registry.resolver.fetch(tagReference(`${host}/app:1`), never);
    expect(await codeOf(asked)).toBe('REGISTRY_ANSWER_INVALID');
    await registry.close();
    server.close();
  });
});
