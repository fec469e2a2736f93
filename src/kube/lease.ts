import type { KubeObject } from './api.ts';

/** What stands in a Lease (coordination.k8s.io/v1), as far as an election needs it. */
export interface LeaseSpec {
  /** Empty: nobody. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquireTime: string | undefined;
  readonly transitions: number;
}

const DEFAULT_DURATION_SECONDS = 15;

/** Lenient, since anybody may have written it: a field that makes no sense counts as not there. */
export function parseLease(object: KubeObject): LeaseSpec {
  const spec = isFields(object['spec']) ? object['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = spec;
  return {
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    durationMs: (count(leaseDurationSeconds) ?? DEFAULT_DURATION_SECONDS) * 1_000,
    acquireTime: typeof acquireTime === 'string' ? acquireTime : undefined,
    transitions: count(leaseTransitions) ?? 0,
  };
}

export interface LeaseWish extends LeaseSpec {
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly renewedAt: number;
}

/** The object to write: over `before`, whose other fields and version stay, or new. */
export function leaseObject(wish: LeaseWish, before: KubeObject | undefined): KubeObject {
  const old = before !== undefined && isFields(before['spec']) ? before['spec'] : {};
  return {
    ...(before ?? {}),
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: before?.metadata ?? { name: wish.name, namespace: wish.namespace },
    spec: {
      ...old,
      holderIdentity: wish.holder,
      leaseDurationSeconds: Math.max(1, Math.round(wish.durationMs / 1_000)),
      acquireTime: wish.acquireTime ?? microTime(wish.renewedAt),
      renewTime: microTime(wish.renewedAt),
      leaseTransitions: wish.transitions,
    },
  };
}

/** RFC 3339 with microseconds: MicroTime of the API. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
