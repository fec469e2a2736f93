import { pause } from '../cache/pause.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { leaseObject, parseLease } from './lease.ts';
import { leasesIn } from './resources.ts';

/** Of client-go. */
const TIMES = { durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2_000 };
const RELEASE_WITHIN_MS = 3_000;

export interface LeaseElectorParts {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Ours; no two processes may share one. */
  readonly identity: string;
  readonly clock: { now(): number; monotonicMs(): number };
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
  readonly times?: typeof TIMES;
}

export interface LeaseElector {
  /**
   * Runs `run` whenever this process leads, until `signal`. Its signal aborts when the lead is lost, before another process
   * can have it. What it throws is logged, and the lead given up for a while. Never rejects.
   */
  lead(run: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  isLeader(): boolean;
}

/** One of several processes leads: by compare-and-swap on a Lease, whose age each measures by its own clock. */
export function makeLeaseElector(parts: LeaseElectorParts): LeaseElector {
  const { api, namespace, name, identity, clock, logger, random, times = TIMES } = parts;
  const leases = leasesIn(namespace);
  /** The Lease as it was last seen to change, and when that was here. */
  let observed: { readonly version: string; readonly at: number } | undefined;
  let leads = false;

  /** Takes or renews it; undefined while another holds it. Throws what the API throws. */
  async function take(signal: AbortSignal): Promise<KubeObject | undefined> {
    const before = await api.get(leases, name, signal);
    if (before === undefined) return written(await api.create(leases, wanted(undefined), signal));
    const version = before.metadata.resourceVersion ?? '';
    if (observed?.version !== version) observed = { version, at: clock.monotonicMs() };
    const { holder, durationMs } = parseLease(before);
    const isFree = holder === '' || clock.monotonicMs() - observed.at > durationMs;
    if (holder !== identity && !isFree) return undefined;
    return written(await api.replace(leases, wanted(before), signal));
  }

  function written(outcome: KubeObject | 'exists' | 'conflict'): KubeObject | undefined {
    if (typeof outcome === 'string') return undefined;
    observed = { version: outcome.metadata.resourceVersion ?? '', at: clock.monotonicMs() };
    return outcome;
  }

  function wanted(before: KubeObject | undefined, holder = identity): KubeObject {
    const old = before && parseLease(before);
    const isSame = old?.holder === holder;
    const place = { namespace, name, holder, renewedAt: clock.now() };
    const durationMs = holder === '' ? 1_000 : times.durationMs;
    if (old === undefined)
      return leaseObject({ ...place, durationMs, acquireTime: undefined, transitions: 0 }, before);
    const transitions = old.transitions + (isSame || holder === '' ? 0 : 1);
    return leaseObject(
      { ...place, durationMs, acquireTime: isSame ? old.acquireTime : undefined, transitions },
      before,
    );
  }

  /** As `take`, a failure being as good as another holder. */
  async function tryTake(signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await take(signal);
    } catch (error) {
      const { code, message } = toAppError(error);
      if (!signal.aborted) logger.warn('background.failed', { job: 'kube.lease', code }, message);
      return undefined;
    }
  }

  /** Renews until it was not renewed for too long, or until `stop`. */
  async function keep(stop: AbortSignal): Promise<void> {
    let renewedAt = clock.monotonicMs();
    while (!stop.aborted) {
      await pause(times.retryMs, stop);
      const startedAt = clock.monotonicMs();
      const leftMs = Math.ceil(renewedAt + times.renewWithinMs - startedAt);
      if (leftMs <= 0) return;
      if ((await tryTake(AbortSignal.any([stop, AbortSignal.timeout(leftMs)]))) !== undefined)
        renewedAt = startedAt;
      else if (await isTaken(stop)) return;
    }
  }

  /** Whether another holds it by now. */
  async function isTaken(signal: AbortSignal): Promise<boolean> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(times.retryMs)]);
    const now = await api.get(leases, name, limit).catch(() => undefined);
    return now !== undefined && parseLease(now).holder !== identity;
  }

  async function term(run: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    leads = true;
    logger.info('leader.elected', { lease: name, identity });
    const kept = keep(stop).finally(() => {
      leads = false;
      over.abort(lost(name));
    });
    try {
      await run(stop);
    } catch (error) {
      if (!stop.aborted) logger.error('leader.failed', { lease: name, error });
    }
    over.abort();
    await kept;
    await release();
    logger.info('leader.left', { lease: name, identity });
  }

  /** So that the next one need not wait. */
  async function release(): Promise<void> {
    const signal = AbortSignal.timeout(RELEASE_WITHIN_MS);
    try {
      const now = await api.get(leases, name, signal);
      if (now === undefined || parseLease(now).holder !== identity) return;
      await api.replace(leases, wanted(now, ''), signal);
    } catch (error) {
      const { code, message } = toAppError(error);
      logger.warn('background.failed', { job: 'kube.lease', code }, message);
    }
  }

  return {
    isLeader: () => leads,
    async lead(run, signal) {
      while (!signal.aborted) {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(times.renewWithinMs)]);
        if ((await tryTake(limit)) !== undefined) await term(run, signal);
        await pause(times.retryMs * (1 + random() * 0.2), signal);
      }
    },
  };
}

function lost(name: string): AppError {
  return new AppError({ code: 'DEADLINE_EXCEEDED', message: `the lease ${name} could not be renewed` });
}
