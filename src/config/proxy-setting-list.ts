import type { Setting } from './setting.ts';
import {
  credentialMap,
  flag,
  hostMap,
  hosts,
  listen,
  oneOf,
  text,
  url,
  wholeNumber,
} from './setting-schemas.ts';

/** The pull proxy. */
export const PROXY_SETTINGS: readonly Setting[] = [
  { path: 'proxy.enabled', schema: flag, default: true, about: 'Whether `serve` runs the pull proxy.' },
  { path: 'proxy.listen', schema: listen, default: '127.0.0.1:5050', about: 'Address of the proxy.' },
  {
    path: 'proxy.tls.mode',
    schema: oneOf('none', 'self', 'files', 'cluster'),
    default: 'none',
    about: '`none`: plain HTTP; the others as for `admission.tls.mode`, under the same CA.',
  },
  { path: 'proxy.tls.certFile', schema: text, about: 'Serving certificate chain, PEM.' },
  { path: 'proxy.tls.keyFile', schema: text, about: 'Its private key, PEM.' },
  {
    path: 'proxy.tls.names',
    schema: hosts,
    default: [],
    about: 'Names on a certificate made for `self` or `cluster`, beside those of the listen address.',
  },
  {
    path: 'proxy.tls.lifetimeSeconds',
    schema: wholeNumber(5, 31_536_000),
    about: 'How long a certificate made for `cluster` is valid. Default: 604800, seven days.',
  },
  {
    path: 'proxy.clients.htpasswdFile',
    schema: text,
    about:
      'Clients must log in with a user and password of this file (`htpasswd -B`, bcrypt alone); read again when it changes.',
  },
  {
    path: 'proxy.clients.caFile',
    schema: text,
    about:
      'Clients must show a certificate of one of these CAs, PEM; needs `proxy.tls.mode`. Read again when it changes.',
  },
  {
    path: 'proxy.credentials',
    schema: credentialMap,
    default: {},
    about:
      'Whose credentials a registry is shown: `own` (the default) or `client`: those with which each client logs in to the proxy. `{registry.example.com: client}`; needs `proxy.publicUrl`.',
  },
  {
    path: 'proxy.publicUrl',
    schema: url,
    about: 'Under which clients reach the proxy, for `client`: `https://tagseal.example.com`.',
  },
  {
    path: 'proxy.trustedHops',
    schema: wholeNumber(0, 10),
    default: 0,
    about:
      'Own load balancers in front of the proxy that write `X-Forwarded-For`: the address that the outermost of them saw is the client’s.',
  },
  {
    path: 'proxy.limits.requestsPerMinute',
    schema: wholeNumber(0, 10_000_000),
    default: 60_000,
    about: 'Requests of one client (user, address, or /64 of IPv6) in a minute, of any kind. 0: no limit.',
  },
  {
    path: 'proxy.limits.tagsPerMinute',
    schema: wholeNumber(0, 10_000_000),
    default: 6_000,
    about: 'Of those, manifests by tag and lists. 0: no limit.',
  },
  {
    path: 'proxy.limits.newTagsPerMinute',
    schema: wholeNumber(0, 10_000_000),
    default: 120,
    about: 'Tags of one client that are recorded in a minute; known ones do not count. 0: no limit.',
  },
  {
    path: 'proxy.limits.streams',
    schema: wholeNumber(1, 10_000),
    default: 64,
    about: 'Blobs streamed at once, for all clients; each takes some 2 MB.',
  },
  {
    path: 'proxy.virtualHosts',
    schema: hostMap,
    default: {},
    about:
      'Host names of the proxy that each serve one registry: `{mirror.example.com: docker.io}`. Under such a name a path holds no registry. A name with a port is for that port.',
  },
  {
    path: 'proxy.verifyBlobs',
    schema: flag,
    default: true,
    about:
      'Hash blobs that pass through, and cut those that do not have their digest. Clients hash them, too; without it the proxy takes half the CPU.',
  },
  {
    path: 'proxy.denyCode',
    schema: oneOf('DENIED', 'TAG_INVALID'),
    default: 'DENIED',
    about: 'Error code of a refused tag; TAG_INVALID prints best in docker’s classic image store.',
  },
];
