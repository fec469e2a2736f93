import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileImageGlob, compileTagGlob } from '../../../src/policy/glob.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const PLACE = 'policies[0].match.images[0]';
const DIGEST = `sha256:${'a'.repeat(64)}`;

const matches = (pattern: string, text: string): boolean =>
  compileImageGlob(pattern, PLACE)(parseReference(text));

describe('compileImageGlob', () => {
  it.each([
    ['**', 'alpine'],
    ['**', 'localhost:5000/a/b/c:1'],
    ['**', `alpine@${DIGEST}`],
    ['alpine', 'alpine'],
    ['alpine', 'docker.io/library/alpine:3'],
    ['alpine', `alpine@${DIGEST}`],
    ['docker.io/alpine', 'alpine'],
    ['index.docker.io/library/alpine', 'alpine'],
    ['docker.io/*', 'alpine'],
    ['*', 'alpine'],
    ['library/*', 'alpine'],
    ['docker.io/**', 'alpine'],
    ['docker.io/**', 'acme/a/b/c'],
    ['acme/*', 'acme/api:1'],
    ['ghcr.io/acme/**', 'ghcr.io/acme/api'],
    ['ghcr.io/acme/**', 'ghcr.io/acme/team/api:1'],
    ['GHCR.IO:443/acme/api', 'ghcr.io/acme/api'],
    ['*.example.com/**', 'a.example.com/x'],
    ['*.EXAMPLE.com/**', 'a.b.example.com/x/y'],
    ['localhost:5000/*', 'localhost:5000/x'],
    ['*:5000/**', 'localhost:5000/x'],
    ['registry:5000/x:v1', 'registry:5000/x:v1'],
    ['[::1]:5000/**', '[::1]:5000/x'],
    ['[0:0::1]/**', '[::1]/x'],
    ['**/api', 'ghcr.io/acme/api:1'],
    ['**/api', 'docker.io/acme/api:1'],
    ['a.io/**/z', 'a.io/z'],
    ['a.io/**/z', 'a.io/x/y/z'],
    ['a.io/x?/z', 'a.io/xy/z'],
    ['a.io/*-dev/z', 'a.io/my-dev/z'],
    ['alpine:3.*', 'alpine:3.16'],
    ['alpine:latest', 'alpine'],
    ['**:latest', 'ghcr.io/acme/api'],
    ['**:v?', `ghcr.io/acme/api:v1@${DIGEST}`],
    ['ghcr.io/**:*', 'ghcr.io/acme/api:1'],
  ])('%p matches %p', (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  it.each([
    ['alpine', 'acme/alpine'],
    ['alpine', 'ghcr.io/alpine'],
    ['alpine', 'alpine-evil'],
    ['alpine', 'library/alpine/evil'],
    ['*', 'acme/api'],
    ['docker.io/*', 'acme/api'],
    ['docker.io/**', 'ghcr.io/acme/api'],
    ['docker.io/**', 'docker.io.evil.example/alpine'],
    ['acme/*', 'ghcr.io/acme/api'],
    ['acme/*', 'acme/team/api'],
    ['ghcr.io/acme/**', 'ghcr.io/acme-evil/api'],
    ['ghcr.io/acme/**', 'evil.example/ghcr.io/acme/api'],
    ['ghcr.io/acme/**', 'ghcr.io:5000/acme/api'],
    ['ghcr.io/**', 'ghcrxio.example/a'],
    ['*.example.com/**', 'example.com/x'],
    ['*.example.com/**', 'a.example.com:5000/x'],
    ['localhost:5000/*', 'localhost/x'],
    ['[::1]:5000/**', '[::2]:5000/x'],
    ['[::a]:5000/**', 'a:5000/x'],
    ['**/api', 'ghcr.io/acme/api/x'],
    ['a.io/x?/z', 'a.io/x/z'],
    ['a.io/x?z', 'a.io/x/z'],
    ['alpine:3.*', 'alpine:3'],
    ['alpine:3.*', 'alpine:13.1'],
    ['alpine:LATEST', 'alpine'],
    ['**:latest', `alpine@${DIGEST}`],
    ['ghcr.io/**:*', `ghcr.io/acme/api@${DIGEST}`],
    ['localhost:5000', 'localhost:5000/x'],
  ])('%p does not match %p', (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  it.each([
    '',
    ' ',
    '/',
    'a/',
    '/a',
    'a//b',
    'Alpine',
    'ghcr.io/Acme',
    'a**',
    '**b/c',
    '***',
    'a.io/**x',
    'a.io/{a,b}',
    'a.io/@(a|b)',
    'a.io/(a|b)',
    'a.io/[ab]',
    '!alpine',
    'a.io/!a',
    'a.io/a+',
    'a.io/\\*',
    'a.io/a b',
    'a.io/ä',
    `alpine@${DIGEST}`,
    'alpine:',
    'alpine:a:b',
    'alpine:[0-9]',
    'alpine:**',
    'alpine:!x',
    'https://ghcr.io/**',
    'ghcr.io:x/**',
    '127.1/**',
    '[::1/**',
    '*[a].io/**',
    'a_*.io/**',
    '**.io/x',
    'a*b*c*d*e.io/x',
    'a*b*c*d*e/x',
    'x:a*b*c*d*e',
    '**/**/**/**/x',
    'a.io/**/b/**/c/**/d/**',
    'x'.repeat(257),
  ])('refuses %p', async (pattern) => {
    expect(await codeOf(() => compileImageGlob(pattern, PLACE))).toBe('POLICY_INVALID');
    expect(() => compileImageGlob(pattern, PLACE)).toThrow(PLACE);
  });

  it('matches every reference by its own canonical name, with and without its tag', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,5}$/);
    const names = fc.array(component, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        names,
        fc.constantFrom('', 'a.io/', 'localhost:5000/', '[::1]:1/'),
        component,
        (path, host, tag) => {
          const name = host + path.join('/');
          expect(matches(name, `${name}:${tag}`)).toBe(true);
          expect(matches(`${name}:${tag}`, `${name}:${tag}`)).toBe(true);
          expect(matches(`${name}:${tag}`, `${name}:${tag}x`)).toBe(false);
          expect(matches(name, `${name}x:${tag}`)).toBe(false);
        },
      ),
    );
  });

  it('throws nothing but POLICY_INVALID for junk', async () => {
    const text = fc.array(fc.oneof(fc.string(), fc.constantFrom('*', '**', '/', ':', 'a', '[', '?', '.io')));
    await fc.assert(
      fc.asyncProperty(text, async (pieces) => {
        const code = await codeOf(() => compileImageGlob(pieces.join(''), PLACE)(parseReference('alpine')));
        expect([undefined, 'POLICY_INVALID']).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('compileTagGlob', () => {
  it.each([
    ['latest', 'latest', true],
    ['latest', 'latest2', false],
    ['latest', 'Latest', false],
    ['*', 'anything', true],
    ['*-dev', 'main-dev', true],
    ['*-dev', '-dev', true],
    ['*-dev', 'main-dev.1', false],
    ['v?', 'v1', true],
    ['v?', 'v', false],
    ['1.2', '1x2', false],
  ])('%p for tag %p is %p', (pattern, tag, expected) => {
    expect(compileTagGlob(pattern, PLACE)(tag)).toBe(expected);
  });
});
