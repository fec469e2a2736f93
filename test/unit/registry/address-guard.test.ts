import { describe, expect, it } from '@jest/globals';
import type { LookupFunction } from 'node:net';
import { makeAddressGuard } from '../../../src/registry/address-guard.ts';
import { forbiddenKind } from '../../../src/registry/forbidden-address.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;

const ALWAYS: readonly (readonly [string, string])[] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.255', 'loopback'],
  ['169.254.169.254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['192.0.0.192', 'metadata'],
  ['169.254.170.2', 'link-local'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['ff02::1', 'multicast'],
  ['fd00:ec2::254', 'metadata'],
  ['fd20:ce::254', 'metadata'],
  ['2001:0:1::1', 'reserved'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'metadata'],
  ['::127.0.0.1', 'loopback'],
  ['64:ff9b::169.254.169.254', 'metadata'],
  ['64:ff9b::7f00:1', 'loopback'],
  ['2002:7f00:1::1', 'loopback'],
  ['2002:a9fe:a9fe::', 'metadata'],
  ['registry.example', 'reserved'],
  ['', 'reserved'],
];
const PRIVATE = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '198.18.0.1',
  'fc00::1',
  'fd12::1',
  'fec0::1',
  '64:ff9b:1::1',
  '::ffff:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '2002:a00:1::1',
];
const ORDINARY = [
  '1.1.1.1',
  '172.15.255.255',
  '172.32.0.1',
  '11.0.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
  '::ffff:8.8.8.8',
];

describe('forbiddenKind', () => {
  it.each(ALWAYS)('calls %j %s, even where private addresses are allowed', (address, kind) => {
    expect(forbiddenKind(address, true)).toBe(kind);
  });

  it.each(PRIVATE)('calls %s private unless those are allowed', (address) => {
    expect([forbiddenKind(address, false), forbiddenKind(address, true)]).toEqual(['private', undefined]);
  });

  it.each(ORDINARY)('finds nothing against %s', (address) => {
    expect(forbiddenKind(address, false)).toBeUndefined();
  });
});

function guardWith(options: { allowPrivate?: boolean; addresses?: readonly string[] } = {}) {
  const lookup: LookupFunction = (_host, _options, callback) => {
    callback(
      null,
      (options.addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return makeAddressGuard({ allowPrivate: options.allowPrivate ?? false, lookup });
}

describe('checkLiteral', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.0.0.1:5001/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://127。0。0。1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://10.0.0.1/',
  ])('refuses %s', async (url) => {
    const guard = guardWith();
    expect(await codeOf(() => guard.checkLiteral(new URL(url)))).toBe('ADDRESS_FORBIDDEN');
  });

  it.each(['https://8.8.8.8/', 'https://internal.example/', 'https://localhost/'])(
    'has nothing against %s',
    (url) => {
      guardWith().checkLiteral(new URL(url));
    },
  );
});

describe('lookup', () => {
  function resolve(addresses: readonly string[], all: boolean, allowPrivate = false): Promise<unknown> {
    return new Promise((done, fail) => {
      guardWith({ addresses, allowPrivate }).lookup('host.example', { all }, (error, found) => {
        if (error === null) done(found);
        else fail(error);
      });
    });
  }

  it('yields only the addresses that may be dialled', async () => {
    const found = await resolve(['127.0.0.1', '8.8.8.8', '10.0.0.1', '::1'], true);
    expect(found).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });

  it('yields one address where one is asked for', async () => {
    expect(await resolve(['10.0.0.1', '8.8.8.8'], false)).toBe('8.8.8.8');
  });

  it('yields private addresses where they are allowed', async () => {
    expect(await resolve(['10.0.0.1', '127.0.0.1'], true, true)).toEqual([
      { address: '10.0.0.1', family: 4 },
    ]);
  });

  it.each([{ addresses: ['127.0.0.1'] }, { addresses: ['10.0.0.1', 'fe80::1'] }, { addresses: [] }])(
    'fails when none of $addresses is left',
    async ({ addresses }) => {
      expect(await codeOf(() => resolve(addresses, true))).toBe('ADDRESS_FORBIDDEN');
    },
  );
});

describe('a host name that leads to a loopback address', () => {
  it('is refused at the connect, and the registry there gets no request', async () => {
    await using fake = await startFakeRegistry();
    const port = fake.host.split(':')[1] ?? '';
    const lookup: LookupFunction = (_host, _options, callback) => {
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const registry = makeTestRegistry([], { lookup });
    const reference = tagReference(`rebound.example:${port}/app:1`);
    expect(await codeOf(() => registry.resolver.fetch(reference, never))).toBe('ADDRESS_FORBIDDEN');
    expect(fake.requests.length).toBe(0);
    await registry.close();
  });

  it.each(['localhost:1', '127.0.0.1:1', '[::1]:1', '169.254.169.254'])(
    '%s is refused as an image',
    async (host) => {
      const registry = makeTestRegistry([]);
      const reference = tagReference(`${host}/app:1`);
      expect(await codeOf(() => registry.resolver.fetch(reference, never))).toBe('ADDRESS_FORBIDDEN');
      await registry.close();
    },
  );
});
