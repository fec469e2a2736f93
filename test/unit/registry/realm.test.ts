import { describe, expect, it } from '@jest/globals';
import { makeHosts } from '../../../src/registry/hosts.ts';
import { judgeRealm } from '../../../src/registry/realm.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const hosts = makeHosts({
  named: new Set(['ghcr.io', 'docker.io', 'one.internal', 'login.intern']),
  plainHttp: new Set(['plain.example:5000']),
});

describe('judgeRealm', () => {
  it.each([
    ['docker.io', 'https://auth.docker.io/token'],
    ['ghcr.io', 'https://ghcr.io/token'],
    ['quay.io', 'https://quay.io/v2/auth'],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['registry.gitlab.com', 'https://gitlab.com:8443/jwt/auth'],
    ['docker.elastic.co', 'https://docker-auth.elastic.co/auth'],
    ['registry.acme.co.uk', 'https://auth.acme.co.uk/token'],
    ['one.azurecr.io', 'https://one.azurecr.io/oauth2/token'],
    ['203.0.113.7:5000', 'https://203.0.113.7:5001/token'],
    ['plain.example:5000', 'http://plain.example:5000/token'],
  ])('shows the credentials of %s to %s', (registry, realm) => {
    expect(judgeRealm(realm, registry, hosts)).toEqual({ url: new URL(realm), credentials: true });
  });

  it.each([
    ['lscr.io', 'https://ghcr.io/token'],
    ['docker.vanity.example', 'https://auth.docker.io/token'],
    ['one.internal', 'https://login.intern/token'],
  ])('asks for %s at %s without credentials', (registry, realm) => {
    expect(judgeRealm(realm, registry, hosts).credentials).toBe(false);
  });

  it.each([
    ['ghcr.io', 'http://ghcr.io/token'],
    ['ghcr.io', 'https://user@ghcr.io/token'],
    ['ghcr.io', 'https://ghcr.io.evil.example/token'],
    ['ghcr.io', 'https://evil.example/token'],
    ['ghcr.io', '/token'],
    ['ghcr.io', ''],
    ['ghcr.io', `https://ghcr.io/${'a'.repeat(3000)}`],
    ['ghcr.io', 'ftp://ghcr.io/token'],
    ['registry.acme.co.uk', 'https://auth.evil.co.uk/token'],
    ['one.azurecr.io', 'https://two.azurecr.io/token'],
    ['203.0.113.7:5000', 'https://198.51.113.7/token'],
    ['stranger.example', 'https://login.intern/token'],
    ['ghcr.io', 'https://login.intern/token'],
    ['plain.example:5000', 'http://plain.example/token'],
    ['plain.example:5000', 'http://169.254.169.254/'],
  ])('refuses for %s the realm %j', async (registry, realm) => {
    expect(await codeOf(() => judgeRealm(realm, registry, hosts))).toBe('REGISTRY_ANSWER_INVALID');
  });
});
