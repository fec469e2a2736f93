import { join } from 'node:path';
import type { Logger } from '../../observe/log.ts';
import type { GenerationFollower, OnGeneration } from '../../protocol/ports.ts';
import { recordName } from '../../ledger/tag-record.ts';
import { pause } from '../../cache/pause.ts';
import { repeat } from '../repeat.ts';
import { diskError } from './disk-error.ts';
import type { Disk } from './disk.ts';
import { recordPath } from './record-path.ts';

const POLL_MS = 1_000;
/** A folder can change twice within one tick of the file system's clock; what that hides is found so many polls later. */
const MAX_SKIPPED = 30;
/** Files that are looked for at once. */
const BATCH = 64;
const MARKER = /^([0-9a-f]{64})-([1-9]\d{0,8})$/;

/** The marker that stands for a record with a generation above 0. */
export function markerPath(directory: string, claimId: string, generation: number): string {
  return join(markerFolder(directory), `${claimId}-${generation}`);
}

export interface DirectoryFollowerParts {
  /** Of the records. */
  readonly directory: string;
  readonly disk: Disk;
  readonly logger: Logger;
  readonly pollMs?: number;
}

/** Looks at one folder, in which each newer generation leaves a marker before its record appears. */
export function makeDirectoryFollower(parts: DirectoryFollowerParts): GenerationFollower {
  const { directory, logger, pollMs = POLL_MS } = parts;
  return {
    async follow(onChange, signal) {
      const look = makeLook(parts, onChange, signal);
      async function work(): Promise<void> {
        await look();
        await pause(pollMs, signal);
      }
      const explain = (error: unknown) => diskError('read', directory, error);
      await repeat({ job: 'store.poll', work, logger, explain }, signal);
    },
  };
}

/** Tells what came since the last time. */
function makeLook(
  { directory, disk }: DirectoryFollowerParts,
  onChange: OnGeneration,
  signal: AbortSignal,
): () => Promise<void> {
  const told = new Set<string>();
  const steadiness = makeSteadiness();

  /** Tells of a marker whose record is there; one that is not may come, or its writer has crashed. */
  async function tell(marker: string): Promise<boolean> {
    const [, claimId = '', generation] = MARKER.exec(marker) ?? [];
    const record = recordPath(directory, recordName(claimId, Number(generation)), 1);
    if ((await disk.changedAt(record)) === undefined) return false;
    if (signal.aborted) return true;
    onChange(claimId, Number(generation));
    told.add(marker);
    return true;
  }

  return async () => {
    const folder = markerFolder(directory);
    const changedAt = await disk.changedAt(folder);
    if (steadiness.canSkip(changedAt)) return;
    const names = await disk.list(folder);
    const markers = names.filter((name) => MARKER.test(name) && !told.has(name));
    let isComplete = true;
    for (let from = 0; from < markers.length && !signal.aborted; from += BATCH) {
      const outcomes = await Promise.all(markers.slice(from, from + BATCH).map(tell));
      isComplete &&= outcomes.every(Boolean);
    }
    if (isComplete) steadiness.allTold(changedAt);
  };
}

/** Whether a folder need not be read: all in it was told, twice since it changed. */
function makeSteadiness() {
  let looked: { readonly at: bigint | undefined; readonly times: number } | undefined;
  let skipped = 0;
  return {
    canSkip(changedAt: bigint | undefined): boolean {
      const isSteady = looked !== undefined && looked.at === changedAt && looked.times > 1;
      skipped = isSteady && skipped < MAX_SKIPPED ? skipped + 1 : 0;
      return skipped > 0;
    },
    allTold(changedAt: bigint | undefined): void {
      looked = { at: changedAt, times: looked?.at === changedAt ? (looked?.times ?? 0) + 1 : 1 };
    },
  };
}

function markerFolder(directory: string): string {
  return join(directory, 'newer');
}
