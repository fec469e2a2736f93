import { BlockList, isIP } from 'node:net';

type Kind = 'loopback' | 'link-local' | 'metadata' | 'unspecified' | 'multicast' | 'reserved' | 'private';

interface Range {
  readonly kind: Kind;
  readonly network: string;
  readonly prefix: number;
}

/** IANA special-purpose registries (RFC 6890), and the metadata services of the large clouds. First match names it. */
const IPV4: readonly Range[] = [
  { kind: 'unspecified', network: '0.0.0.0', prefix: 8 },
  { kind: 'loopback', network: '127.0.0.0', prefix: 8 },
  { kind: 'metadata', network: '169.254.169.254', prefix: 32 },
  { kind: 'metadata', network: '100.100.100.200', prefix: 32 },
  { kind: 'metadata', network: '168.63.129.16', prefix: 32 },
  { kind: 'metadata', network: '192.0.0.192', prefix: 32 },
  { kind: 'link-local', network: '169.254.0.0', prefix: 16 },
  { kind: 'multicast', network: '224.0.0.0', prefix: 4 },
  { kind: 'reserved', network: '240.0.0.0', prefix: 4 },
  { kind: 'reserved', network: '192.0.0.0', prefix: 24 },
  { kind: 'private', network: '10.0.0.0', prefix: 8 },
  { kind: 'private', network: '172.16.0.0', prefix: 12 },
  { kind: 'private', network: '192.168.0.0', prefix: 16 },
  { kind: 'private', network: '100.64.0.0', prefix: 10 },
  { kind: 'private', network: '198.18.0.0', prefix: 15 },
];

const IPV6: readonly Range[] = [
  { kind: 'unspecified', network: '::', prefix: 128 },
  { kind: 'loopback', network: '::1', prefix: 128 },
  { kind: 'metadata', network: 'fd00:ec2::', prefix: 32 },
  { kind: 'metadata', network: 'fd20:ce::254', prefix: 128 },
  { kind: 'metadata', network: 'fd00:42::42', prefix: 128 },
  { kind: 'link-local', network: 'fe80::', prefix: 10 },
  { kind: 'multicast', network: 'ff00::', prefix: 8 },
  { kind: 'reserved', network: '100::', prefix: 64 },
  // Teredo: the IPv4 address inside is disguised, and no registry lives there
  { kind: 'reserved', network: '2001::', prefix: 32 },
  { kind: 'private', network: 'fc00::', prefix: 7 },
  { kind: 'private', network: 'fec0::', prefix: 10 },
  { kind: 'private', network: '64:ff9b:1::', prefix: 48 },
];

const RANGES = [...IPV4, ...IPV6].map((range) => ({ kind: range.kind, list: blockList(range) }));

/**
 * What kind of address nobody may be sent to this is, or undefined for an ordinary one. IPv6 forms that carry an IPv4
 * address (mapped, compatible, NAT64, 6to4) count as that address. What is not an IP address counts as reserved.
 */
export function forbiddenKind(address: string, allowPrivate: boolean): Kind | undefined {
  const bare = address.replace(/%.*$/, '');
  const version = isIP(bare);
  if (version === 0) return 'reserved';
  const kind = RANGES.find(({ list }) => list.check(bare, version === 4 ? 'ipv4' : 'ipv6'))?.kind;
  return kind === 'private' && allowPrivate ? undefined : kind;
}

function blockList(range: Range): BlockList {
  const list = new BlockList();
  if (isIP(range.network) === 6) {
    list.addSubnet(range.network, range.prefix, 'ipv6');
    return list;
  }
  // a BlockList matches the mapped form ::ffff:0:0/96 by itself
  list.addSubnet(range.network, range.prefix, 'ipv4');
  list.addSubnet(`64:ff9b::${range.network}`, 96 + range.prefix, 'ipv6');
  list.addSubnet(`2002:${hexadecimal(range.network)}::`, 16 + range.prefix, 'ipv6');
  // of the compatible form ::0.0.0.0/96 the first eight bits would hold :: and ::1, which have names of their own
  if (range.kind !== 'unspecified') list.addSubnet(`::${range.network}`, 96 + range.prefix, 'ipv6');
  return list;
}

function hexadecimal(ipv4: string): string {
  return Buffer.from(ipv4.split('.').map(Number))
    .toString('hex')
    .replace(/^(.{4})/, '$1:');
}
