import { getCACertificates } from 'node:tls';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';

/** Connections to registries, kept alive and shared by all calls. */
export interface Agents {
  /** For manifests and tokens: refuses answers above the manifest limit by itself. */
  readonly documents: Dispatcher;
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
  const connect = makeConnector(options);
  const common = {
    connect,
    // one request a connection: a slow answer delays no other
    pipelining: 1,
    headersTimeout: limits.headers,
    bodyTimeout: limits.bodyIdle,
    allowH2: false,
  };
  const documents = new Agent({
    ...common,
    connections: limits.documentConnections,
    maxResponseSize: limits.manifestBytes,
  });
  const blobs = new Agent({ ...common, connections: limits.blobConnections });
  return {
    documents,
    blobs,
    async close() {
      await Promise.all([documents.close(), blobs.close()]);
    },
  };
}

/** Checks literal addresses before, and resolved addresses at, the connect; a host that the configuration names is free. */
function makeConnector({ guard, hosts, limits, extraCa }: AgentOptions): buildConnector.connector {
  const base = {
    timeout: limits.connect,
    allowH2: false,
    ...(extraCa === undefined ? {} : { ca: [...getCACertificates('default'), extraCa] }),
  };
  const free = buildConnector(base);
  const guarded = buildConnector({ ...base, lookup: guard.lookup });
  return (target, callback) => {
    const url = new URL(`${target.protocol}//${target.host ?? target.hostname}`);
    if (hosts.isNamed(url)) {
      free(target, callback);
      return;
    }
    guard.checkLiteral(url);
    guarded(target, callback);
  };
}
