import type { OnReadOpts } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import type { Hosts } from './hosts.ts';
import { withLargeReads } from './large-reads.ts';
import type { Limits } from './limits.ts';

/** Connections to registries, kept alive and shared by all calls. */
export interface Agents {
  /** For manifests and tokens: refuses answers above the manifest limit by itself. */
  readonly documents: Dispatcher;
  /** For documents at hosts to which a registry sends us that the configuration does not name: nothing exempts them. */
  readonly strangers: Dispatcher;
  readonly blobs: Dispatcher;
  /** Waits for what is in flight. */
  close(): Promise<void>;
}

export interface AgentOptions {
  readonly guard: AddressGuard;
  readonly hosts: Hosts;
  readonly limits: Limits;
  /** PEM certificates trusted besides the system's. */
  readonly extraCa?: string;
}

export function makeAgents(options: AgentOptions): Agents {
  const { limits } = options;
  const common = {
    connect: makeConnector(options),
    // one request a connection: a slow answer delays no other
    pipelining: 1,
    headersTimeout: limits.headers,
    bodyTimeout: limits.bodyIdle,
    allowH2: false,
  };
  const forDocuments = {
    ...common,
    connections: limits.documentConnections,
    maxResponseSize: limits.manifestBytes,
  };
  const documents = new Agent(forDocuments);
  const strangers = new Agent({ ...forDocuments, connect: makeGuardedConnector(options) });
  const blobs = new Agent({
    ...common,
    connections: limits.blobConnections,
    connect: withLargeReads((onread) => makeConnector(options, onread)),
  });
  return {
    documents,
    strangers,
    blobs,
    async close() {
      await Promise.all([documents.close(), strangers.close(), blobs.close()]);
    },
  };
}

/** A host that the configuration names is free. */
function makeConnector(options: AgentOptions, onread?: OnReadOpts): buildConnector.connector {
  const free = buildConnector(connectOptions(options, onread));
  const guarded = makeGuardedConnector(options, onread);
  return (target, callback) => {
    const connect = options.hosts.isNamed(urlOf(target)) ? free : guarded;
    connect(target, callback);
  };
}

/** Checks literal addresses before, and resolved addresses at, the connect. */
function makeGuardedConnector(options: AgentOptions, onread?: OnReadOpts): buildConnector.connector {
  const { guard } = options;
  const connect = buildConnector({ ...connectOptions(options, onread), lookup: guard.lookup });
  return (target, callback) => {
    guard.checkLiteral(urlOf(target));
    connect(target, callback);
  };
}

function connectOptions({ limits, extraCa }: AgentOptions, onread?: OnReadOpts): buildConnector.BuildOptions {
  const ca = extraCa === undefined ? {} : { ca: [...getCACertificates('default'), extraCa] };
  return { timeout: limits.connect, allowH2: false, ...ca, ...(onread !== undefined && { onread }) };
}

function urlOf({ protocol, host, hostname }: buildConnector.Options): URL {
  return new URL(`${protocol}//${host ?? hostname}`);
}
