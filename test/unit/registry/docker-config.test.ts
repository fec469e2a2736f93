import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../../src/errors/app-error.ts';
import { credentialFor, parseDockerConfig } from '../../../src/registry/docker-config.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const auth = (text: string) => Buffer.from(text).toString('base64');

function userFor(auths: Record<string, unknown>, registry: string, repository: string): string | undefined {
  const found = credentialFor(parseDockerConfig(JSON.stringify({ auths }), 'f'), registry, repository);
  return found?.kind === 'basic' ? found.username : found?.kind;
}

describe('credentialFor', () => {
  const auths = {
    'ghcr.io': { auth: auth('host:p') },
    'ghcr.io/acme': { auth: auth('acme:p') },
    'ghcr.io/acme/api': { auth: auth('api:p') },
    'https://quay.io/v1/': { auth: auth('quay:p') },
    'HTTPS://Upper.example:443': { auth: auth('upper:p') },
    'local:5000': { username: 'plain', password: 'p' },
    'empty.example': {},
    'token.example': { auth: auth('x:y'), identitytoken: 't' },
  };

  it.each([
    ['ghcr.io', 'acme/api', 'api'],
    ['ghcr.io', 'acme/api/sub', 'api'],
    ['ghcr.io', 'acme/apix', 'acme'],
    ['ghcr.io', 'acmex', 'host'],
    ['quay.io', 'a', 'quay'],
    ['upper.example', 'a', 'upper'],
    ['local:5000', 'a', 'plain'],
    ['local', 'a', undefined],
    ['empty.example', 'a', undefined],
    ['token.example', 'a', 'identityToken'],
    ['evilghcr.io', 'acme', undefined],
  ])('finds for %s/%s the user %s', (registry, repository, user) => {
    expect(userFor(auths, registry, repository)).toBe(user);
  });

  it.each([
    'https://index.docker.io/v1/',
    'index.docker.io',
    'docker.io',
    'registry-1.docker.io',
    'https://docker.io',
  ])('reads %s as Docker Hub', (key) => {
    expect(userFor({ [key]: { auth: auth('hub:p') } }, 'docker.io', 'library/alpine')).toBe('hub');
  });

  it('keeps colons within a password', () => {
    const config = parseDockerConfig(JSON.stringify({ auths: { 'a.b': { auth: auth('u:p:q') } } }), 'f');
    expect(credentialFor(config, 'a.b', 'c')).toMatchObject({ username: 'u', password: 'p:q' });
  });
});

describe('parseDockerConfig', () => {
  it('reads the helpers', () => {
    const text = JSON.stringify({
      credHelpers: { 'https://index.docker.io/v1/': 'hub' },
      credsStore: 'pass',
    });
    const { helpers, store } = parseDockerConfig(text, 'f');
    expect([[...helpers], store]).toEqual([[['docker.io', 'hub']], 'pass']);
  });

  it.each([
    '',
    '[]',
    'null',
    '{',
    '{"auths":[]}',
    '{"auths":{"a":1}}',
    '{"auths":{"a":{"auth":1}}}',
    '{"auths":{"a":{"auth":"c2VjcmV0"}}}',
    '{"credHelpers":{"a":"../../bin/secret"}}',
    '{"credHelpers":{"a":"x y"}}',
    '{"credHelpers":{"a":""}}',
    '{"credsStore":"a;b"}',
    '{"auths":{"a":{"password":"secret","username":1}}}',
  ])('refuses %s without showing a secret', (text) => {
    try {
      parseDockerConfig(text, '/file');
      throw new Error('accepted');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      expect(error.code).toBe('CREDENTIALS_INVALID');
      expect(`${error.message}${String(error.cause)}`).not.toMatch(/"auth":|c2VjcmV0|"secret"/);
    }
  });

  it('throws nothing but its own error for junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        const code = await codeOf(() => parseDockerConfig(text, 'f'));
        expect([undefined, 'CREDENTIALS_INVALID']).toContain(code);
      }),
      { numRuns: 300 },
    );
  });
});
