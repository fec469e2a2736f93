import { Socket, type LookupFunction } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';

const never = new AbortController().signal;
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

const IPV4 = [
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.1.1',
  '100.64.0.1',
  '198.18.0.1',
  '169.254.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
];
const IPV6 = ['::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '2001::1', '100::1'];

/** Every way in which an IPv4 address is written somewhere. */
function notations(address: string): readonly string[] {
  const bytes = address.split('.').map(Number);
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const hex = number.toString(16).padStart(8, '0');
  const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  return [
    address,
    `${number}`,
    `0x${hex}`,
    `0${number.toString(8)}`,
    bytes.map((byte) => `0x${byte.toString(16)}`).join('.'),
    bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
    `${bytes[0]}.${number % 2 ** 24}`,
    `${bytes[0]}.${bytes[1]}.${number % 2 ** 16}`,
    `${address}.`,
    `[::ffff:${address}]`,
    `[::ffff:${groups}]`,
    `[64:ff9b::${groups}]`,
    `[2002:${groups}::1]`,
  ];
}

const literals = [...IPV4.flatMap(notations), ...IPV6.map((address) => `[${address}]`)];
const hosts = [
  ...literals.flatMap((host) => [host, `${host}:5000`]),
  'localhost',
  'localhost:80',
  'LOCALHOST:5000',
  'user@127.0.0.1',
  '127.0.0.1#x',
  '１２７.0.0.1',
  '127。0。0。1',
];

let attempts: string[] = [];
let registry: FakeRegistry;
const connect = Object.getOwnPropertyDescriptor(Socket.prototype, 'connect');

beforeAll(async () => {
  registry = await startFakeRegistry();
  const original = connect?.value as (this: Socket, ...args: unknown[]) => Socket;
  Object.defineProperty(Socket.prototype, 'connect', {
    ...connect,
    value(this: Socket, ...args: unknown[]) {
      this.on('connectionAttempt', (ip: string, port: number) => attempts.push(`${ip}:${port}`));
      return original.apply(this, args);
    },
  });
});
afterAll(async () => {
  Object.defineProperty(Socket.prototype, 'connect', connect ?? {});
  await registry.close();
});
beforeEach(() => {
  attempts = [];
  for (const lie of Object.keys(registry.lies)) Reflect.deleteProperty(registry.lies, lie);
});

/** Whether it ended with an error of ours. */
async function isRefused(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    return error instanceof AppError && error.code !== 'INTERNAL';
  }
}

/** A resolver that gives each answer in turn, the last one for ever. */
function answering(...answers: readonly (readonly string[])[]): LookupFunction {
  let turn = 0;
  return (_hostname, _options, callback) => {
    const answer = answers[Math.min(turn, answers.length - 1)] ?? [];
    turn += 1;
    callback(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

const foreign = () => attempts.filter((attempt) => attempt !== registry.host);

describe('connections to forbidden addresses', () => {
  it('are made by no name of an image', async () => {
    const guarded = makeTestRegistry([]);
    for (const host of hosts) {
      const fetch = () => guarded.resolver.fetch(tagReference(`${host}/app:1`), never);
      // a host without a dot is a namespace of Docker Hub, and is not asked here
      if (/^\d+$|^0x[0-9a-f]+$/.test(host)) continue;
      expect([host, await isRefused(fetch)]).toEqual([host, true]);
    }
    expect([hosts.length > 150, attempts]).toEqual([true, []]);
    await guarded.close();
  });

  it('are made by no answer of the DNS, mixed or changing', async () => {
    const addresses = [...IPV4, ...IPV6, ...IPV4.map((address) => `::ffff:${address}`)];
    const answers = [...addresses.map((address) => [[address]]), [addresses], addresses.map((one) => [one])];
    for (const answer of answers) {
      const guarded = makeTestRegistry([], { lookup: answering(...answer) });
      const fetch = () => guarded.resolver.fetch(tagReference('rebinding.example.com/app:1'), never);
      expect([answer, await isRefused(fetch), await isRefused(fetch)]).toEqual([answer, true, true]);
      await guarded.close();
    }
    expect(attempts).toEqual([]);
  });

  it.each(['http', 'https'])('are made by no redirect of a manifest or blob to %s', async (scheme) => {
    const guarded = makeTestRegistry([registry.host]);
    const target = { registry: registry.host, repository: 'app', digest };
    for (const host of literals) {
      registry.lies.manifestRedirect = `${scheme}://${host}/v2/app/manifests/1`;
      registry.lies.blobRedirect = `${scheme}://${host}/blob`;
      const manifest = () => guarded.upstream.manifest(target, never);
      expect([host, await isRefused(manifest)]).toEqual([host, true]);
    }
    expect([attempts.length > 0, foreign()]).toEqual([true, []]);
    await guarded.close();
  });

  it('are made by no realm of a challenge', async () => {
    const guarded = makeTestRegistry([registry.host]);
    for (const host of literals.filter((literal) => !literal.includes('127.0.0.1'))) {
      registry.lies.auth = { kind: 'bearer', realm: `https://${host}/token` };
      const fetch = () => guarded.resolver.fetch(tagReference(`${registry.host}/app:1`), never);
      expect([host, await isRefused(fetch)]).toEqual([host, true]);
    }
    expect([attempts.length > 0, foreign()]).toEqual([true, []]);
    await guarded.close();
  });
});
