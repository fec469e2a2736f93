import type { LookupFunction } from 'node:net';
import type { Resolver } from '../check/ports.ts';
import type { Clock } from '../protocol/ports.ts';
import { makeAddressGuard } from './address-guard.ts';
import { makeAgents } from './agent.ts';
import { makeAuthorizedSend } from './authorized-send.ts';
import { makeBlobClient } from './blob-client.ts';
import { makeManifestClient } from './client.ts';
import { makeCoalescedResolver } from './coalesced-resolver.ts';
import { makeAskHelper } from './credential-helper.ts';
import type { CredentialSource } from './credential.ts';
import { makeCredentials } from './credentials.ts';
import { makeFollow } from './follow.ts';
import { makeHosts } from './hosts.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Limits } from './limits.ts';
import { makeListingClient } from './listing-client.ts';
import { makeManifestCache } from './manifest-cache.ts';
import { makeMirrorChoice } from './mirrors.ts';
import type { Mirrors } from './mirrors.ts';
import { makeRateLimits } from './rate-limits.ts';
import { makeResolver } from './resolver.ts';
import { makeSend, type OnCall } from './send.ts';
import { makeTokens } from './token.ts';
import { makeUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';
import { openAmbient, type AmbientClouds } from './ambient/open-ambient.ts';

export interface RegistryOptions {
  readonly clock: Clock;
  /** `host[:port]` of each host that the configuration names without a wildcard: it may have a private address. */
  readonly namedHosts: ReadonlySet<string>;
  /** `host[:port]` of each registry that is spoken to by http. */
  readonly plainHttp: ReadonlySet<string>;
  /** Whether a host that the configuration does not name may have a private address. */
  readonly allowPrivate: boolean;
  /** A docker `config.json`; `required: false` for the default path. */
  readonly credentialsFile?: { readonly path: string; readonly required: boolean };
  /** Clouds that are asked for credentials for their own registries. */
  readonly ambient?: AmbientClouds;
  /** PEM certificates trusted besides the system's. */
  readonly extraCa?: string;
  readonly limits?: Partial<Limits>;
  /** Counts calls. */
  readonly onCall?: OnCall;
  /** Their hosts must be among the named ones. */
  readonly mirrors?: Mirrors;
  /** Names us in `Via`. */
  readonly via?: string;
  /** Replaces the file and the helpers. */
  readonly credentials?: CredentialSource;
  /** Replaces `dns.lookup`. */
  readonly lookup?: LookupFunction;
}

/** All that the rest of Tagseal gets from registries, over one set of connections. */
export interface Registry {
  readonly resolver: Resolver;
  readonly upstream: Upstream;
  /** Waits for the calls in flight and closes the connections. */
  close(): Promise<void>;
}

export function makeRegistry(options: RegistryOptions): Registry {
  const { clock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const hosts = makeHosts({ named: options.namedHosts, plainHttp: options.plainHttp });
  const guard = makeAddressGuard({
    allowPrivate: options.allowPrivate,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  const agents = makeAgents({
    guard,
    hosts,
    limits,
    ...(options.extraCa === undefined ? {} : { extraCa: options.extraCa }),
  });
  const send = makeSend({
    agents,
    hosts,
    limits,
    rateLimits: makeRateLimits(clock),
    ...(options.onCall && { onCall: options.onCall }),
    ...(options.via !== undefined && { via: options.via }),
  });
  const tokens = makeTokens({ send, clock, limits });
  const ambient = openAmbient(options.ambient ?? { aws: false }, clock);
  const credentials = options.credentials ?? ambient.over(writtenCredentials(options));
  const authorizedSend = makeAuthorizedSend({ send, tokens, credentials, hosts, clock });
  const mirrors = makeMirrorChoice(options.mirrors ?? new Map(), clock);
  const follow = makeFollow({ send, authorizedSend, hosts, guard, limits, mirrors });
  const client = makeManifestClient({ follow, limits });
  const manifests = makeManifestCache();
  const blob = makeBlobClient({ follow });
  const listings = makeListingClient({ follow, client, limits });
  return {
    resolver: makeCoalescedResolver(makeResolver({ client, manifests }), clock),
    upstream: makeUpstream({ client, manifests, blob, listings }),
    async close() {
      await Promise.all([agents.close(), ambient.close()]);
    },
  };
}

function writtenCredentials({ clock, credentialsFile }: RegistryOptions): CredentialSource {
  return makeCredentials({
    clock,
    askHelper: makeAskHelper(),
    ...(credentialsFile === undefined ? {} : { file: credentialsFile }),
  });
}
