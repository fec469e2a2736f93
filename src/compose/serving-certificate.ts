import type { DoorTls } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { makeLeafKeeper } from '../http/leaf-keeper.ts';
import { parseListenAddress } from '../http/listen-address.ts';
import { readCertificate, type Authority, type CertificatePair } from '../http/tls.ts';
import type { Clock } from '../protocol/ports.ts';
import { authorityCertificateFile, openOwnAuthority } from './own-authority.ts';

const SECOND_MS = 1_000;
const OWN_LEAF_LIFETIME_MS = 7 * 86_400_000;
const FILES_EVERY_MS = 10 * SECOND_MS;
const OWN_EVERY_MS = 3_600 * SECOND_MS;
const CLUSTER_EVERY_MAX_MS = 30 * SECOND_MS;

/** The CA that signs in a cluster, and the names by which the API server calls. */
export interface ClusterAuthority {
  readonly signing: (signal: AbortSignal) => Promise<Authority>;
  readonly names: readonly string[];
}

/** A door's certificate, as it is now and as it will be. */
export interface ServingCertificate {
  /** The pair to serve with now. Throws KEY_INVALID, KUBERNETES_*. */
  readonly current: (signal: AbortSignal) => Promise<CertificatePair>;
  /** How often to ask for it. */
  readonly everyMs: number;
  /** What clients must trust, where it is a file. */
  readonly caFile?: string;
}

export interface ServingCertificateParts {
  readonly tls: DoorTls;
  readonly dataDir: string;
  /** On the leaf of our own CA in dataDir. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly cluster?: ClusterAuthority;
}

/** The operator's files, or a leaf of our own CA, which lives in dataDir or in a Secret of the cluster. */
export function servingCertificate({
  tls,
  dataDir,
  names: ownNames,
  clock,
  cluster,
}: ServingCertificateParts): ServingCertificate {
  switch (tls.mode) {
    case 'files':
      return { current: () => readCertificate(tls.certFile, tls.keyFile), everyMs: FILES_EVERY_MS };
    case 'self':
      return {
        current: makeLeafKeeper({
          authority: () => openOwnAuthority(dataDir, clock),
          names: ownNames,
          lifetimeMs: OWN_LEAF_LIFETIME_MS,
          clock,
        }),
        everyMs: OWN_EVERY_MS,
        caFile: authorityCertificateFile(dataDir),
      };
    case 'cluster': {
      if (cluster === undefined)
        throw new AppError({ code: 'INTERNAL', message: 'a certificate of no cluster' });
      const { signing, names } = cluster;
      const { lifetimeMs } = tls;
      return {
        current: makeLeafKeeper({ authority: signing, names, lifetimeMs, clock }),
        // several times in the last third of a leaf's life
        everyMs: Math.min(CLUSTER_EVERY_MAX_MS, Math.floor(lifetimeMs / 12)),
      };
    }
  }
}

/** The names of a door that is called by its address, or from this machine. */
export function namesFor(listen: string, setting: string): readonly string[] {
  const { host } = parseListenAddress(listen, setting);
  const names = ['localhost', '127.0.0.1', '::1'];
  return host === undefined || host === '0.0.0.0' || names.includes(host) ? names : [host, ...names];
}
