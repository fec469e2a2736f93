import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { forbiddenKind } from './forbidden-address.ts';

/**
 * Decides which addresses may be dialled: none that is loopback, link-local, metadata, unspecified, multicast or
 * reserved, and no private one unless `allowPrivate`. Who asks it decides which hosts are exempt. Any port may be
 * dialled: images name registries with ports, and the proxy's allow list compares ports itself.
 */
export interface AddressGuard {
  /** Throws ADDRESS_FORBIDDEN when the URL's host is a forbidden address, written out in any spelling that URL knows. */
  checkLiteral(url: URL): void;
  /** A DNS look-up that yields only addresses that may be dialled, and fails with ADDRESS_FORBIDDEN when none is left. */
  readonly lookup: LookupFunction;
}

export interface AddressGuardOptions {
  readonly allowPrivate: boolean;
  /** The resolver behind the guard, `dns.lookup` by default. */
  readonly lookup?: LookupFunction;
}

export function makeAddressGuard(options: AddressGuardOptions): AddressGuard {
  const resolve = options.lookup ?? systemLookup;

  function mayDial({ address }: LookupAddress): boolean {
    return forbiddenKind(address, options.allowPrivate) === undefined;
  }

  return {
    checkLiteral(url) {
      const address = literal(url);
      if (address === undefined) return;
      const kind = forbiddenKind(address, options.allowPrivate);
      if (kind !== undefined) throw forbidden(url.host, `${address} is a ${kind} address`);
    },
    lookup(hostname, lookupOptions, callback) {
      resolve(hostname, { ...lookupOptions, all: true }, (error, found) => {
        const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
        const allowed = error === null ? addresses.filter(mayDial) : [];
        const [first] = allowed;
        if (error !== null) callback(error, []);
        else if (first === undefined) callback(noneAllowed(hostname, addresses, options.allowPrivate), []);
        else if (lookupOptions.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    },
  };
}

function noneAllowed(hostname: string, addresses: readonly LookupAddress[], allowPrivate: boolean): AppError {
  const [first] = addresses;
  if (first === undefined) return forbidden(hostname, 'it has no address');
  const kind = forbiddenKind(first.address, allowPrivate) ?? 'forbidden';
  return forbidden(hostname, `its address ${first.address} is a ${kind} address`);
}

function literal(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? undefined : host;
}

function forbidden(host: string, why: string): AppError {
  return new AppError({
    code: 'ADDRESS_FORBIDDEN',
    message: `cannot connect to ${quote(host)}: ${why}; if it is meant, name it in registries.allow as "host" or "host:port"`,
  });
}
