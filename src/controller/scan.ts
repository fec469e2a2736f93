import pLimit from 'p-limit';
import type { Ledger, Resolver } from '../check/ports.ts';
import { toAppError } from '../errors/app-error.ts';
import { isUnavailable } from '../errors/code.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { Logger } from '../observe/log.ts';
import type { ScanLevel, ScanResult } from '../observe/scan-metrics.ts';
import type { Observed, ScanPlace } from './ports.ts';
import { makeTeller } from './scan-events.ts';
import { gatherTags, type RunningTag } from './tags-in-use.ts';

export interface ScannerParts {
  readonly place: ScanPlace;
  readonly ledger: Pick<Ledger, 'find'>;
  readonly resolver: Pick<Resolver, 'recheck'>;
  /** Waits until the registries may be asked once more. */
  readonly pace: (signal: AbortSignal) => Promise<void>;
  readonly clock: { now(): number };
  readonly logger: Logger;
}

const AT_ONCE = 4;

/**
 * Compares what runs with what is recorded, and what is recorded with what its tag points to now. Reads only: it records no
 * tag and stops no Pod. Throws KUBERNETES_* where the Pods cannot be listed.
 */
export function makeScanner(parts: ScannerParts): (signal: AbortSignal) => Promise<ScanLevel> {
  const { place, clock, logger } = parts;
  const tell = makeTeller(parts);

  async function scanTag(tag: RunningTag, signal: AbortSignal): Promise<TagFinding> {
    const known = await recorded(parts, tag, signal);
    if (typeof known === 'string') return { result: known, otherDigests: 0 };
    const observed = await lookUp(parts, tag, known, signal);
    const before = await place.observe(known, observed, signal);
    if (before !== observed.state) await tell.ofTag(tag, { record: known, observed }, signal);
    return { result: observed.state, otherDigests: await tell.ofOthers(tag, known, signal) };
  }

  return async function scan(signal) {
    const started = clock.now();
    const { tags, pods, skipped } = await gatherTags(place.pods(signal));
    if (skipped > 0) logger.warn('scan.cut', { skipped, tags: tags.size });
    const limit = pLimit(AT_ONCE);
    const findings = await Promise.all([...tags.values()].map((tag) => limit(() => scanTag(tag, signal))));
    const finishedAt = clock.now();
    return { ...summed(findings), pods, seconds: (finishedAt - started) / 1000, finishedAt };
  };
}

interface TagFinding {
  readonly result: ScanResult;
  /** Pods that run something else than the record says. */
  readonly otherDigests: number;
}

async function recorded(
  { ledger, logger }: ScannerParts,
  { reference }: RunningTag,
  signal: AbortSignal,
): Promise<KnownRecord | 'Unrecorded' | 'Refused'> {
  try {
    return (await ledger.find(reference, signal))?.record ?? 'Unrecorded';
  } catch (error) {
    const { code, message } = toAppError(error);
    logger.warn('scan.refused', { reference: reference.canonical, code }, message);
    return 'Refused';
  }
}

async function lookUp(
  { resolver, pace, logger }: ScannerParts,
  { reference }: RunningTag,
  record: KnownRecord,
  signal: AbortSignal,
): Promise<Observed> {
  await pace(signal);
  try {
    const { digest } = await resolver.recheck(reference, signal);
    return { state: digest === record.digest ? 'Same' : 'Moved', digest };
  } catch (error) {
    const { code, message } = toAppError(error);
    if (code === 'MANIFEST_UNKNOWN') return { state: 'Gone' };
    if (!isUnavailable(code)) logger.warn('scan.refused', { reference: reference.canonical, code }, message);
    return { state: 'Unknown' };
  }
}

function summed(findings: readonly TagFinding[]): Pick<ScanLevel, 'tags' | 'otherDigests'> {
  const tags = new Map<ScanResult, number>();
  let otherDigests = 0;
  for (const finding of findings) {
    tags.set(finding.result, (tags.get(finding.result) ?? 0) + 1);
    otherDigests += finding.otherDigests;
  }
  return { tags, otherDigests };
}
