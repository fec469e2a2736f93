import { describe, expect, it } from '@jest/globals';
import { isAllowedRegistry } from '../../../src/registry/allow-list.ts';
import { makeHosts } from '../../../src/registry/hosts.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const hosts = makeHosts({
  named: new Set(['docker.io', 'One.example:5000']),
  plainHttp: new Set(['plain:80', 'ghcr.io']),
});

describe('originOf', () => {
  it.each([
    ['docker.io', 'https://registry-1.docker.io/'],
    ['quay.io', 'https://quay.io/'],
    ['one.example:5000', 'https://one.example:5000/'],
    ['[2001:db8::1]:5000', 'https://[2001:db8::1]:5000/'],
    ['plain:80', 'http://plain/'],
  ])('reaches %s at %s', (registry, url) => {
    expect(hosts.originOf(registry).href).toBe(url);
  });

  it.each(['', 'a b', 'a/b', 'u@host', 'host:99999', '[::1'])('refuses %j', async (registry) => {
    expect(await codeOf(() => hosts.originOf(registry))).toBe('REFERENCE_INVALID');
  });
});

describe('isNamed', () => {
  it.each([
    ['https://one.example:5000/x', true],
    ['https://one.example/', false],
    ['https://one.example:5001/', false],
    ['https://docker.io:443/', false],
    ['http://ghcr.io/', true],
    ['http://plain/', true],
    ['https://sub.docker.io/', false],
  ])('of %s is %j', (url, named) => {
    expect(hosts.isNamed(new URL(url))).toBe(named);
  });
});

describe('mayCall', () => {
  it.each([
    ['https://any.example/', true],
    ['http://plain/', true],
    ['http://one.example:5000/', false],
    ['ftp://plain/', false],
  ])('of %s is %j', (url, may) => {
    expect(hosts.mayCall(new URL(url))).toBe(may);
  });
});

describe('isAllowedRegistry', () => {
  it.each([
    ['ghcr.io', ['ghcr.io'], true],
    ['ghcr.io', ['GHCR.io'], true],
    ['ghcr.io', [], false],
    ['ghcr.io:5000', ['ghcr.io'], false],
    ['ghcr.io', ['ghcr.io:5000'], false],
    ['evilghcr.io', ['ghcr.io', '*.ghcr.io'], false],
    ['a.example', ['*.example'], true],
    ['a.b.example', ['*.example'], true],
    ['example', ['*.example'], false],
    ['.example', ['*.example'], false],
    ['a.example:5000', ['*.example:5000'], true],
    ['a.example:5000', ['*.example'], false],
    ['a.example', ['*'], false],
    ['a.example', ['*.'], false],
    ['a.', ['*.'], false],
    ['a.example', ['a.*'], false],
  ])('of %s in %j is %j', (registry, allow, allowed) => {
    expect(isAllowedRegistry(registry, allow)).toBe(allowed);
  });
});
