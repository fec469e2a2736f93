import { Gauge, type Registry } from 'prom-client';

/** What a scan found of a tag in use. `Refused`: its record does not hold. */
export type ScanResult = 'Same' | 'Moved' | 'Gone' | 'Unknown' | 'Unrecorded' | 'Refused';

const RESULTS: readonly ScanResult[] = ['Same', 'Moved', 'Gone', 'Unknown', 'Unrecorded', 'Refused'];

/** What the last scan of running Pods has found. */
export interface ScanLevel {
  readonly pods: number;
  readonly tags: ReadonlyMap<ScanResult, number>;
  /** Containers that run something else than the record of their tag says. */
  readonly otherDigests: number;
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
}

export interface ScanMetrics {
  setScan(level: ScanLevel): void;
  /** Whether this process leads the replicas of the controller. */
  setLeading(isLeading: boolean): void;
}

export function makeScanMetrics(registry: Registry): ScanMetrics {
  const registers = [registry];
  const tags = new Gauge({
    name: 'tagseal_scan_tags',
    help: 'Tags of running Pods, by what the last scan found of them.',
    labelNames: ['state'],
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const pods = gauge('tagseal_scan_pods', 'Pods that the last scan looked at.');
  const others = gauge(
    'tagseal_scan_other_digests',
    'Containers that run another digest than the recorded one.',
  );
  const seconds = gauge('tagseal_scan_duration_seconds', 'Duration of the last scan.');
  const finished = gauge('tagseal_scan_finished_timestamp_seconds', 'When the last scan ended, Unix time.');
  const leading = gauge('tagseal_controller_leading', '1 while this process leads the controllers.');
  return {
    setScan(level) {
      for (const state of RESULTS) tags.set({ state }, level.tags.get(state) ?? 0);
      pods.set(level.pods);
      others.set(level.otherDigests);
      seconds.set(level.seconds);
      finished.set(level.finishedAt / 1000);
    },
    setLeading: (isLeading) => leading.set(Number(isLeading)),
  };
}
