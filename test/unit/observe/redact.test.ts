import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../../src/errors/app-error.ts';
import { redact, redactText } from '../../../src/observe/redact.ts';

const SECRET = 'hunter2hunter2';

describe('redact', () => {
  it.each([
    'authorization',
    'Authorization',
    'Proxy-Authorization',
    'WWW-Authenticate',
    'Cookie',
    'Set-Cookie',
    'X-Registry-Auth',
    'X-Amz-Security-Token',
    'password',
    'identitytoken',
    'identity_token',
    'access_token',
    'refresh_token',
    'client_secret',
    'auth',
    'privateKey',
  ])('hides the value of %s at the top and in nested headers', (name) => {
    const line = JSON.stringify(redact({}, { [name]: SECRET, request: { headers: { [name]: [SECRET] } } }));
    expect(line).not.toContain(SECRET);
  });

  it.each(['reference', 'digest', 'keyFile', 'tokenSource', 'author', 'reason'])('keeps %s', (name) => {
    expect(redact({}, { [name]: 'plain' })).toEqual({ [name]: 'plain' });
  });

  it('tells code and causes of an error of ours, without a stack', () => {
    const cause = new Error(`connect https://user:${SECRET}@example.com/`);
    const error = new AppError({ code: 'REGISTRY_UNAVAILABLE', message: 'cannot resolve', cause });
    expect(redact({}, { error })).toEqual({
      error: {
        code: 'REGISTRY_UNAVAILABLE',
        message: 'cannot resolve',
        causes: ['connect https://[redacted]@example.com/'],
      },
    });
  });

  it('tells the stack of an error that nobody foresaw', () => {
    const error = new AppError({ code: 'INTERNAL', message: 'internal error', cause: new TypeError('boom') });
    expect(JSON.stringify(redact({}, { error }))).toContain('TypeError: boom');
  });

  it('ends at endless and deep values', () => {
    const loop: Record<string, unknown> = {};
    loop['again'] = loop;
    expect(JSON.stringify(redact({}, { loop }))).toContain('[too deep]');
  });

  it('tells the length of bytes and not the bytes', () => {
    expect(redact({}, { body: new Uint8Array(5) })).toEqual({ body: '[5 bytes]' });
  });
});

describe('redactText', () => {
  it.each([
    `Bearer ${SECRET}`,
    `authorization: Basic ${SECRET}==`,
    `https://user:${SECRET}@registry.example.com/v2/`,
    `https://auth.example.com/token?service=x&access_token=${SECRET}`,
    `https://s3.example.com/blob?X-Amz-Signature=${SECRET}&a=b`,
    `https://storage.example.com/blob?sig=${SECRET}`,
    `eyJhbGciOiJSUzI1NiJ9.${SECRET}.${SECRET}`,
    `-----BEGIN EC PRIVATE KEY-----\n${SECRET}\n-----END EC PRIVATE KEY-----`,
  ])('removes the secret from %j', (text) => {
    expect(redactText(text)).not.toContain(SECRET);
  });

  it.each(['ghcr.io/acme/api:1.4@sha256:abc', 'basically fine', 'https://example.com/v2/?n=5', 'key=value'])(
    'keeps %j',
    (text) => {
      expect(redactText(text)).toBe(text);
    },
  );

  it('takes any text and hides a bearer token in it', () => {
    fc.assert(
      fc.property(fc.string(), (before) => {
        expect(redactText(`${before} Bearer ${SECRET}`)).not.toContain(SECRET);
      }),
      { numRuns: 500 },
    );
  });
});
