import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ErrorCode } from '../errors/code.ts';
import { makeLogMetrics, type LogMetrics } from './log-metrics.ts';
import { makeScanMetrics, type ScanMetrics } from './scan-metrics.ts';

// Every label is a closed set. Never a reference, a namespace or a host: they have no bound.

export type DoorLabel = 'mutate' | 'validate' | 'warn' | 'stamp' | 'policy' | 'proxy' | 'cli';
export type VerdictLabel = 'admit' | 'deny' | 'report' | 'exempt' | 'pending';
export type ReasonLabel =
  'none' | 'TAG_MOVED' | 'DIGEST_NOT_RECORDED' | 'NOT_RECORDED' | 'NOT_PINNED' | ErrorCode;
export type ProxyKindLabel =
  'ping' | 'manifest-tag' | 'manifest-digest' | 'blob' | 'tags' | 'referrers' | 'token' | 'other';
export type RegistryMethodLabel = 'GET' | 'HEAD' | 'POST';
export type OutcomeLabel = 'ok' | ErrorCode;
export type LogKindLabel = 'embedded' | 'rekor-v1' | 'rekor-v2';
export type LogOperationLabel = 'submit' | 'search' | 'entry' | 'checkpoint' | 'tile';
export type RecordOutcomeLabel = 'recorded' | 'existing' | 'pending' | 'restored' | 'failed';

export interface Metrics extends LogMetrics, ScanMetrics {
  countVerdict(door: DoorLabel, verdict: VerdictLabel, reason: ReasonLabel): void;
  observeAdmission(door: DoorLabel, seconds: number): void;
  countProxyRequest(kind: ProxyKindLabel, status: number): void;
  countRegistryRequest(method: RegistryMethodLabel, outcome: OutcomeLabel): void;
  countLogRequest(log: LogKindLabel, operation: LogOperationLabel, outcome: OutcomeLabel): void;
  countRecord(outcome: RecordOutcomeLabel): void;
  /** A Pod that was made once more with the same images: see `admission.loop`. */
  countLoop(): void;
  /** The exposition text and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MetricsOptions {
  readonly version: string;
  /** Also CPU, memory and event loop of this process. */
  readonly processMetrics: boolean;
}

/** A registry of our own, never prom-client's global one, so that two of them can live in one process. */
export function makeMetrics({ version, processMetrics }: MetricsOptions): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  buildInfo(registry, version);
  const instruments = makeInstruments(registry);
  const verdicts = holdVerdicts(instruments.verdicts);
  const admissions = holdDurations(instruments.admission);

  return {
    countVerdict: (door, verdict, reason) => verdicts.add(door, verdict, reason),
    observeAdmission: (door, seconds) => admissions.add(door, seconds),
    countProxyRequest: (kind, status) => instruments.proxy.inc({ kind, status: String(status) }),
    countRegistryRequest: (method, outcome) => instruments.registry.inc({ method, outcome }),
    countLogRequest: (log, operation, outcome) => instruments.log.inc({ log, operation, outcome }),
    countRecord: (outcome) => instruments.records.inc({ outcome }),
    countLoop: () => instruments.loops.inc(),
    ...makeLogMetrics(registry),
    ...makeScanMetrics(registry),
    render: async () => {
      verdicts.pass();
      admissions.pass();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

// What the admission path counts is held here and passed on in batches: an instrument costs four times as much when it is
// called once in a while, between other work, than in a loop.

function holdVerdicts(counter: Counter<'door' | 'verdict' | 'reason'>) {
  const held = new Map<string, number>();
  return {
    add(door: DoorLabel, verdict: VerdictLabel, reason: ReasonLabel): void {
      const key = `${door} ${verdict} ${reason}`;
      held.set(key, (held.get(key) ?? 0) + 1);
    },
    pass(): void {
      for (const [key, count] of held) {
        const [door = '', verdict = '', reason = ''] = key.split(' ');
        counter.inc({ door, verdict, reason }, count);
      }
      held.clear();
    },
  };
}

const HELD_DURATIONS = 256;

function holdDurations(histogram: Histogram<'door'>) {
  const doors: DoorLabel[] = [];
  const durations: number[] = [];
  function pass(): void {
    for (const [i, door] of doors.entries()) histogram.observe({ door }, durations[i] ?? 0);
    doors.length = 0;
    durations.length = 0;
  }
  return {
    pass,
    add(door: DoorLabel, seconds: number): void {
      doors.push(door);
      durations.push(seconds);
      if (durations.length >= HELD_DURATIONS) pass();
    },
  };
}

function makeInstruments(registry: Registry) {
  const registers = [registry];
  return {
    verdicts: new Counter({
      name: 'tagseal_verdicts_total',
      help: 'Verdicts on images by door, verdict and reason.',
      labelNames: ['door', 'verdict', 'reason'],
      registers,
    }),
    admission: new Histogram({
      name: 'tagseal_admission_duration_seconds',
      help: 'Time from the whole admission review read to its answer made.',
      labelNames: ['door'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8, 10],
      registers,
    }),
    proxy: new Counter({
      name: 'tagseal_proxy_requests_total',
      help: 'Requests to the pull proxy by kind and status.',
      labelNames: ['kind', 'status'],
      registers,
    }),
    registry: new Counter({
      name: 'tagseal_registry_requests_total',
      help: 'Requests to registries by method and outcome.',
      labelNames: ['method', 'outcome'],
      registers,
    }),
    log: new Counter({
      name: 'tagseal_log_requests_total',
      help: 'Requests to the transparency log by kind of log, operation and outcome.',
      labelNames: ['log', 'operation', 'outcome'],
      registers,
    }),
    loops: new Counter({
      name: 'tagseal_admission_loops_total',
      help: 'Pods that an operator made anew more than five times in ten minutes with the same images.',
      registers,
    }),
    records: new Counter({
      name: 'tagseal_records_total',
      help: 'Attempts to record a tag by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
  };
}

function buildInfo(registry: Registry, version: string): void {
  const info = new Gauge({
    name: 'tagseal_build_info',
    help: 'Always 1; the version is the label.',
    labelNames: ['version'],
    registers: [registry],
  });
  info.set({ version }, 1);
}
