import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const MAX_FORWARDED = 2048;

/**
 * From where a request comes: the peer, or, behind `hops` of our own proxies, what the outermost of them wrote into
 * X-Forwarded-For. What stands further left was written by the client, and is not read.
 */
export function clientAddress(request: IncomingMessage, hops: number): string {
  const peer = plain(request.socket.remoteAddress ?? '');
  if (hops === 0) return peer;
  const header = [request.headers['x-forwarded-for'] ?? ''].flat().join(',');
  const chain = header
    .slice(-MAX_FORWARDED)
    .split(',')
    .map((item) => plain(item.trim()));
  const address = chain.at(-hops) ?? '';
  // a request that did not come through all of them is counted for who brought it
  return isIP(address) === 0 ? peer : address;
}

/** One client for limits: an IPv4 address, or the /64 that one customer has of IPv6. */
export function clientNetwork(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const missing = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  const groups = address.includes('::') ? [...front, ...missing, ...back] : front;
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
