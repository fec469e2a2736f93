import { Counter, Gauge, type Registry } from 'prom-client';

const BREAKER: Readonly<Record<BreakerState, number>> = { closed: 0, halfOpen: 1, open: 2 };

/** How far the log was read and verified. */
export interface TailLevel {
  /** Of the newest signed tree, in leaves. */
  readonly treeSize: number;
  /** Leaves read and verified. */
  readonly position: number;
  /** Since the position was last the log's end. */
  readonly secondsBehind: number;
  /** Leaves that this process has read, ever. */
  readonly leavesRead: number;
}

/** What an audit has found, in entries and records. */
export interface AuditLevel {
  readonly unexplained: number;
  readonly unlogged: number;
  readonly conflicted: number;
}

export type BreakerState = 'closed' | 'halfOpen' | 'open';

export interface LogMetrics {
  setTail(level: TailLevel): void;
  /** For ever true once the log has lied. */
  setForked(forked: boolean): void;
  setAudit(level: AuditLevel): void;
  setBreaker(state: BreakerState): void;
  /** True while the shard that is written to is not the one that the signing config names for this moment. */
  setShardMissing(missing: boolean): void;
  /** True while what TUF delivered has expired and could not be renewed. */
  setTrustStale(stale: boolean): void;
}

/** What is known of the log, and of what is trusted: for alarms. */
export function makeLogMetrics(registry: Registry): LogMetrics {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const treeSize = gauge('tagseal_log_tree_size', 'Leaves in the newest signed tree of the log.');
  const position = gauge('tagseal_log_tail_position', 'Leaves of the log that were read and verified.');
  const behind = gauge(
    'tagseal_log_tail_lag_seconds',
    'Seconds since the tail was last at the end of the log.',
  );
  const forked = gauge(
    'tagseal_log_forked',
    '1 once the log has taken something back; new tags are refused.',
  );
  const unexplained = gauge(
    'tagseal_log_unexplained_entries',
    'Entries by our signer that no record explains.',
  );
  const denying = new Gauge({
    name: 'tagseal_records_denying',
    help: 'Tags whose newest record the log contradicts, and that are refused for it, by its phase.',
    labelNames: ['phase'],
    registers: [registry],
  });
  const breaker = gauge(
    'tagseal_log_breaker_state',
    'Circuit breaker in front of the log: 0 closed, 1 half open, 2 open.',
  );
  const shard = gauge(
    'tagseal_log_shard_missing',
    '1 while the signing config does not name the shard that is written to: another one or none takes entries.',
  );
  const stale = gauge(
    'tagseal_trust_root_stale',
    '1 while what TUF delivered has expired, or its mirror answers what must not be trusted.',
  );
  const leaves = new Counter({
    name: 'tagseal_log_tail_leaves_total',
    help: 'Leaves of the log that this process has read.',
    registers: [registry],
  });
  let counted = 0;
  return {
    setTail(level) {
      treeSize.set(level.treeSize);
      position.set(level.position);
      behind.set(level.secondsBehind);
      leaves.inc(level.leavesRead - counted);
      counted = level.leavesRead;
    },
    setForked: (isForked) => forked.set(Number(isForked)),
    setAudit(level) {
      unexplained.set(level.unexplained);
      denying.set({ phase: 'Unlogged' }, level.unlogged);
      denying.set({ phase: 'Conflicted' }, level.conflicted);
    },
    setBreaker: (state) => breaker.set(BREAKER[state]),
    setShardMissing: (isMissing) => shard.set(Number(isMissing)),
    setTrustStale: (isStale) => stale.set(Number(isStale)),
  };
}
