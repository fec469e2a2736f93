import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PullSecret } from '../../../src/check/ports.ts';
import { matchesLabel } from '../../../src/registry/match-label.ts';
import { candidatesFor } from '../../../src/registry/pull-secret.ts';

const auth = (user: string) => ({ auth: Buffer.from(`${user}:secret`).toString('base64') });

function secret(auths: unknown, change: Partial<PullSecret> = {}): PullSecret {
  const content = JSON.stringify(change.type === 'dockercfg' ? auths : { auths });
  return { name: 'shop/regcred', type: 'dockerconfigjson', content, ...change };
}

/** The user names in the order in which they are tried. */
function usersFor(image: string, ...secrets: readonly PullSecret[]): readonly string[] {
  const slash = image.indexOf('/');
  const { credentials } = candidatesFor(
    { secrets, unreadable: [] },
    image.slice(0, slash),
    image.slice(slash + 1),
  );
  return credentials.map((credential) =>
    credential.kind === 'basic' ? credential.username : credential.kind,
  );
}

describe('the credentials of pull secrets', () => {
  // kubernetes documentation, "Interpretation of config.json", and pkg/credentialprovider/keyring_test.go
  it.each<[string, string, boolean]>([
    ['ghcr.io', 'ghcr.io/acme/api', true],
    ['https://ghcr.io', 'ghcr.io/acme/api', true],
    ['https://ghcr.io/v2/', 'ghcr.io/acme/api', true],
    ['GHCR.io', 'ghcr.io/acme/api', true],
    ['ghcr.io/acme', 'ghcr.io/acme/api', true],
    ['ghcr.io/acme/api', 'ghcr.io/acme/api', true],
    ['ghcr.io/acme/web', 'ghcr.io/acme/api', false],
    ['ghcr.io:443', 'ghcr.io/acme/api', true],
    ['https://index.docker.io/v1/', 'docker.io/library/alpine', true],
    ['index.docker.io', 'docker.io/acme/api', true],
    ['docker.io', 'docker.io/acme/api', true],
    ['*.example.com', 'eu.example.com/app', true],
    ['*.example.com', 'example.com/app', false],
    ['*.example.com', 'a.eu.example.com/app', false],
    ['*.*.example.com', 'a.eu.example.com/app', true],
    ['prefix.*.io', 'prefix.registry.io/app', true],
    ['*-good.example.io', 'prefix-good.example.io/app', true],
    ['*-good.example.io', 'prefix-bad.example.io/app', false],
    ['r?.example.com', 'r1.example.com/app', true],
    ['*.example.com/team', 'eu.example.com/team/app', true],
    ['*.example.com/team', 'eu.example.com/other/app', false],
    ['example.com:5000', 'example.com:5000/app', true],
    ['example.com:5000', 'example.com/app', false],
    ['*.example.com', 'eu.example.com:5000/app', false],
    ['*.example.com:5000', 'eu.example.com:5000/app', true],
    ['[::1]:5000', '[::1]:5000/app', true],
    ['*', 'ghcr.io/acme/api', false],
    ['*.*', 'ghcr.io/acme/api', true],
    ['localhost:5000', 'localhost:5000/app', true],
    ['', 'ghcr.io/acme/api', false],
  ])('under the key %p are for %p: %s', (key, image, expected) => {
    expect(usersFor(image, secret({ [key]: auth('u') }))).toEqual(expected ? ['u'] : []);
    expect(usersFor(image, secret({ [key]: auth('u') }, { type: 'dockercfg' }))).toEqual(
      expected ? ['u'] : [],
    );
  });

  it('are tried longest path first, then in the order of the secrets', () => {
    const one = secret({ 'ghcr.io': auth('host1'), 'ghcr.io/acme': auth('path1'), 'quay.io': auth('other') });
    const two = secret({ 'ghcr.io': auth('host2'), 'ghcr.io/acme/api': auth('repo2') });
    expect(usersFor('ghcr.io/acme/api', one, two)).toEqual(['repo2', 'path1', 'host1', 'host2']);
  });

  it('are eight at most', () => {
    const many = Array.from({ length: 20 }, (_, i) => secret({ 'ghcr.io': auth(`u${i}`) }));
    expect(usersFor('ghcr.io/acme/api', ...many)).toHaveLength(8);
  });

  it('are also a user with a password, or a token', () => {
    const entry = { username: 'u', password: 'p' };
    expect(usersFor('a.io/x', secret({ 'a.io': entry }))).toEqual(['u']);
    expect(usersFor('a.io/x', secret({ 'a.io': { identitytoken: 't' } }))).toEqual(['identityToken']);
    expect(usersFor('a.io/x', secret({ 'a.io': {} }))).toEqual([]);
  });

  it('never come from a helper program', () => {
    const content = JSON.stringify({ auths: {}, credHelpers: { 'a.io': '../evil' }, credsStore: 'x' });
    expect(usersFor('a.io/x', secret({}, { content }))).toEqual([]);
  });

  it.each([
    ['no JSON', 'user:hunter2'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no auths', '{}'],
    ['an entry that is no object', '{"auths":{"a.io":"hunter2"}}'],
    ['an auth that is not base64 of user:password', '{"auths":{"a.io":{"auth":"aHVudGVyMg=="}}}'],
  ])('leave out a secret with %s, and name it without its contents', (_, content) => {
    const broken = secret({}, { name: 'shop/broken', content });
    const sound = secret({ 'a.io': auth('u') });
    const { credentials, unreadable } = candidatesFor(
      { secrets: [broken, sound], unreadable: [{ name: 'shop/gone', why: 'there is no such Secret' }] },
      'a.io',
      'x',
    );
    expect(credentials).toHaveLength(1);
    expect(unreadable.map(({ name }) => name)).toEqual(['shop/gone', 'shop/broken']);
    expect(JSON.stringify(unreadable)).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  it('throw nothing, whatever a secret holds', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string()),
        fc.constantFrom('dockerconfigjson', 'dockercfg'),
        (content, type) => {
          const { credentials, unreadable } = candidatesFor(
            { secrets: [{ name: 's', type, content }], unreadable: [] },
            'a.io',
            'x',
          );
          expect(credentials.length * unreadable.length).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('matchesLabel', () => {
  it('agrees with the regular expression of the pattern', () => {
    const text = (...alphabet: readonly string[]) =>
      fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 });
    fc.assert(
      fc.property(text('a', 'b', '*', '?'), text('a', 'b'), (pattern, label) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesLabel(pattern, label)).toBe(expression.test(label));
      }),
      { numRuns: 2000 },
    );
  });
});
