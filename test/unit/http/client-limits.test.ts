import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { clientAddress, clientNetwork } from '../../../src/http/client-address.ts';
import { makeTokenBuckets } from '../../../src/http/token-buckets.ts';

const from = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

describe('the address of a client', () => {
  it.each([
    ['10.0.0.1', undefined, 0, '10.0.0.1'],
    ['::ffff:10.0.0.1', undefined, 0, '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1', 0, '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1', 1, '192.0.2.1'],
    ['10.0.0.1', '198.51.100.9, 192.0.2.1', 1, '192.0.2.1'],
    ['10.0.0.1', '198.51.100.9, 192.0.2.1, 10.0.0.2', 2, '192.0.2.1'],
    ['10.0.0.1', '192.0.2.1', 2, '10.0.0.1'],
    ['10.0.0.1', 'nonsense', 1, '10.0.0.1'],
    ['10.0.0.1', undefined, 1, '10.0.0.1'],
  ])('from %s with %s behind %i hops is %s', (peer, forwarded, hops, expected) => {
    expect(clientAddress(from(peer, forwarded), hops)).toBe(expected);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s counts as %s', (address, expected) => {
    expect(clientNetwork(address)).toBe(expected);
  });
});

describe('token buckets', () => {
  function setup(perMinute: number) {
    let now = 0;
    const buckets = makeTokenBuckets({ perMinute, clock: { monotonicMs: () => now } });
    return { buckets, pass: (ms: number) => (now += ms) };
  }

  it('are full at first, empty on their own, and fill again with time', () => {
    const { buckets, pass } = setup(2);
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([0, 0, 30]);
    expect(buckets.take('b')).toBe(0);
    pass(29_999);
    expect(buckets.take('a')).toBe(1);
    pass(1);
    expect(buckets.take('a')).toBe(0);
    pass(3_600_000);
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([0, 0, 30]);
  });

  it('take tokens back, and never hold more than they have room for', () => {
    const { buckets } = setup(1);
    buckets.giveBack('a');
    expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 60]);
    buckets.giveBack('a');
    expect(buckets.take('a')).toBe(0);
  });

  it('without a limit never end', () => {
    const { buckets } = setup(0);
    expect(Array.from({ length: 1000 }, () => buckets.take('a')).every((wait) => wait === 0)).toBe(true);
  });
});
