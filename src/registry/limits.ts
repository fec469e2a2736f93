/** Limits on calls to a registry: milliseconds and bytes. Tests shorten them. */
export interface Limits {
  /** TCP and TLS, DNS included: a host that is there answers within one lost packet and its repeat. */
  readonly connect: number;
  /** From the request to the last header; Docker Hub's slowest answers take some seconds. */
  readonly headers: number;
  /** Between two pieces of a body: a stream that stands still this long is dead. */
  readonly bodyIdle: number;
  /** One manifest look-up with tokens, redirects, retries and body; stays below a kubelet's patience. */
  readonly manifestTotal: number;
  /** For a mirror to begin its answer, before the registry itself is asked; leaves it time. */
  readonly mirror: number;
  /** The least size that the distribution-spec asks of every registry, and the most that common clients read. */
  readonly manifestBytes: number;
  /** A token answer; real ones are below 16 KiB. */
  readonly tokenBytes: number;
  /** Connections for manifests and tokens per host: enough for a burst, few enough not to look like an attack. */
  readonly documentConnections: number;
  /** Connections for blobs per host, apart from those for manifests, so that slow pulls never delay a verdict. */
  readonly blobConnections: number;
  /** Tries after the first one, for a broken connection, 502, 503 and 504. */
  readonly retries: number;
  /** Wait before the first retry; it doubles. */
  readonly retryDelay: number;
  /** Redirects of one manifest request, as common clients allow at least. */
  readonly redirects: number;
}

const MEBIBYTE = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  connect: 3_000,
  headers: 10_000,
  bodyIdle: 30_000,
  manifestTotal: 15_000,
  mirror: 4_000,
  manifestBytes: 4 * MEBIBYTE,
  tokenBytes: MEBIBYTE / 8,
  documentConnections: 16,
  blobConnections: 64,
  retries: 2,
  retryDelay: 100,
  redirects: 5,
};
