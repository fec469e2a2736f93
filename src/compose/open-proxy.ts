import { randomBytes, randomUUID } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { makeHtpasswdFile } from '../http/htpasswd.ts';
import { makePasswordCheck, type PasswordCheck } from '../http/password-check.ts';
import { startServer, type RunningServer, type ServerCertificate } from '../http/server.ts';
import { readAuthorities } from '../http/tls.ts';
import { systemClock } from '../observe/clock.ts';
import { accessOf, makeClientLogin, type ClientLogin } from '../proxy/client-login.ts';
import { makeProxyRouter } from '../proxy/router.ts';
import type { Upstream } from '../proxy/upstream-port.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import { isAllowedRegistry } from '../registry/allow-list.ts';
import { forbiddenKind } from '../registry/forbidden-address.ts';
import type { Registry } from '../registry/make-registry.ts';
import { runInBackground } from './background.ts';
import { renewCertificate } from './renewed-certificate.ts';
import type { House } from './serve.ts';
import { namesFor, servingCertificate } from './serving-certificate.ts';

/** A first sight on a public Rekor v2 waits for its checkpoint, some 10 s. */
const PULL_TIMEOUT_MS = 25_000;
const FILES_EVERY_MS = 10_000;

interface DoorCertificate {
  readonly served: ServerCertificate;
  readonly current: (signal: AbortSignal) => Promise<ServerCertificate>;
  readonly everyMs: number;
  readonly caFile?: string;
}

/** The pull proxy. Throws CONFIG_INVALID, CREDENTIALS_INVALID, KEY_INVALID, KUBERNETES_*, ADDRESS_IN_USE. */
export async function openProxy(house: House): Promise<void> {
  const { config, core, logger, metrics, servers, banner, life } = house;
  const { proxy, registries } = config;
  const certificate = await openCertificate(house);
  const checkPassword = await openPasswords(house);
  const server = await startServer({
    listen: proxy.listen,
    setting: 'proxy.listen',
    ...(certificate && { certificate: certificate.served }),
    handler: makeProxyRouter({
      checkImage: core.checkImageWith(core.guardedRegistry),
      upstream: { ...core.guardedRegistry.upstream, resolveTag: tagResolver(core.guardedRegistry) },
      isAllowed: (registry) => isAllowedRegistry(registry, registries.allow),
      ...(checkPassword && { checkPassword }),
      ...clientLogin(house),
      virtualHosts: proxy.virtualHosts,
      denyCode: proxy.denyCode,
      timeoutMs: PULL_TIMEOUT_MS,
      maxStreams: proxy.limits.streams,
      verifyBlobs: proxy.verifyBlobs,
      limits: proxy.limits,
      trustedHops: proxy.trustedHops,
      via: core.via,
      logger,
      metrics,
      clock: systemClock,
      newRequestId: randomUUID,
    }),
  });
  servers.push(server);
  const trust = certificate?.caFile === undefined ? '' : `  (CA ${certificate.caFile})`;
  banner.push(`proxy      ${server.url}${trust}`);
  if (isOpen(config.proxy, server)) {
    const text =
      'plain HTTP, no login, and not on loopback: set proxy.tls and proxy.clients, or put both in front of it';
    logger.warn('proxy.open', { listen: proxy.listen }, text);
  }
  if (certificate !== undefined) renewCertificate({ ...certificate, server, life, logger });
}

/** Whether whoever reaches this machine may pull with our credentials, and others may change what he gets. */
function isOpen({ tls, clients }: House['config']['proxy'], { host }: RunningServer): boolean {
  return tls === undefined && clients.htpasswdFile === undefined && forbiddenKind(host, false) !== 'loopback';
}

async function openCertificate({ config, cluster, life }: House): Promise<DoorCertificate | undefined> {
  const { tls, listen, clients } = config.proxy;
  if (tls === undefined) return undefined;
  const names = [...namesFor(listen, 'proxy.listen'), ...tls.names];
  const authority = cluster?.authority;
  const certificate = servingCertificate({
    tls,
    dataDir: config.dataDir,
    names,
    clock: systemClock,
    ...(authority && { cluster: { ...authority, names } }),
  });
  async function current(signal: AbortSignal): Promise<ServerCertificate> {
    const pair = await certificate.current(signal);
    return clients.caFile === undefined ? pair : { ...pair, clientCa: await readAuthorities(clients.caFile) };
  }
  const everyMs =
    clients.caFile === undefined ? certificate.everyMs : Math.min(certificate.everyMs, FILES_EVERY_MS);
  return { ...certificate, current, everyMs, served: await current(life) };
}

/** Users and passwords, read again when the file changes; a file that is broken meanwhile leaves the last ones. */
async function openPasswords({ config, life, logger }: House): Promise<PasswordCheck | undefined> {
  const { htpasswdFile } = config.proxy.clients;
  if (htpasswdFile === undefined) return undefined;
  const read = makeHtpasswdFile(htpasswdFile);
  let users = await read();
  runInBackground(
    {
      name: 'clients.read',
      everyMs: FILES_EVERY_MS,
      async run() {
        users = await read();
      },
    },
    life,
    logger,
  );
  return makePasswordCheck({ users: () => users, secret: randomBytes(32) });
}

function clientLogin({ config, core }: House): { readonly login?: ClientLogin } {
  const { clientCredentials } = config.proxy;
  if (clientCredentials === undefined) return {};
  const { registries, publicUrl } = clientCredentials;
  return {
    login: makeClientLogin({
      isForClients: (registry) => registries.has(registry),
      publicUrl,
      key: core.deriveKey('proxy token'),
      clock: systemClock,
    }),
  };
}

/** What an exempt tag means now. Its manifest is hashed when it is fetched by that digest. */
function tagResolver({ resolver }: Registry): Upstream['resolveTag'] {
  return async ({ registry, repository, tag, credential }, signal) => {
    const reference = parseReference(`${registry}/${repository}:${tag}`);
    if (!isTagReference(reference)) throw new AppError({ code: 'INTERNAL', message: 'a tag without a tag' });
    return resolver.recheck(reference, signal, undefined, credential && accessOf(registry, credential));
  };
}
