import { describe, expect, it } from '@jest/globals';
import { parseRegistry } from '../../../src/reference/parse-reference.ts';
import { looksLikeRegistry } from '../../../src/reference/registry-name.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe('parseRegistry', () => {
  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['GHCR.io', 'ghcr.io'],
    ['ghcr.io:443', 'ghcr.io'],
    ['ghcr.io:80', 'ghcr.io:80'],
    ['ghcr.io:65535', 'ghcr.io:65535'],
    ['docker.io', 'docker.io'],
    ['docker.io:443', 'docker.io'],
    ['docker.io:5000', 'docker.io:5000'],
    ['index.docker.io', 'docker.io'],
    ['Registry-1.Docker.io', 'docker.io'],
    ['registry.hub.docker.com:443', 'docker.io'],
    ['hub.docker.com', 'hub.docker.com'],
    ['localhost', 'localhost'],
    ['localhost:443', 'localhost'],
    ['localhost:5000', 'localhost:5000'],
    ['registry:5000', 'registry:5000'],
    ['registry:443', 'registry:443'],
    ['xn--n3h.com', 'xn--n3h.com'],
    ['a--b.example', 'a--b.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1:5000', '127.0.0.1:5000'],
    ['1.2.3.example', '1.2.3.example'],
    ['[::1]', '[::1]'],
    ['[::1]:5000', '[::1]:5000'],
    ['[::1]:443', '[::1]'],
    ['[2001:DB8:0:0::1]', '[2001:db8::1]'],
    ['[0000:0:0:0:0:0:0:1]:5000', '[::1]:5000'],
  ])('folds %p into %p, which stays as it is', (text, canonical) => {
    expect(parseRegistry(text)).toBe(canonical);
    expect(parseRegistry(canonical)).toBe(canonical);
    expect(looksLikeRegistry(canonical)).toBe(true);
  });

  it.each([
    '',
    'registry',
    'Registry',
    'a..b',
    '.example.com',
    'example.com.',
    '-a.example',
    'a-.example',
    'a_b.example',
    'ex ample.com',
    'exämple.com',
    'example.com/',
    'user@example.com',
    'user:secret@example.com',
    'example.com:',
    'example.com:0',
    'example.com:00080',
    'example.com:65536',
    'example.com:100000',
    'example.com:http',
    'example.com:-1',
    'example.com:80:80',
    'example.com%2e',
    '127.1',
    '127.0.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '127.0.0.0x1',
    '127.0.0.01',
    '127.0.0.256',
    '1.2.3.4.5',
    '2130706433:80',
    '0x7f000001:80',
    'example.0x',
    '::1',
    '[]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1]:',
    '[:::]',
    '[1::2::3]',
    '[12345::]',
    '[::127.0.0.1]',
    '[fe80::1%eth0]',
    '[v1.a]',
    '[example.com]',
  ])('refuses %p', async (text) => {
    expect(await codeOf(() => parseRegistry(text))).toBe('REFERENCE_INVALID');
  });
});
