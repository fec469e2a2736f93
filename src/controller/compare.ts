import pLimit from 'p-limit';
import type { KnownRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { ScannedPod } from './ports.ts';
import { gatherTags, type ImageInUse, type RunningTag } from './tags-in-use.ts';

export interface ComparerParts {
  /** The newest generation, verified. Throws what makes it count for nothing. */
  find(reference: TagReference, signal: AbortSignal): Promise<{ readonly record: KnownRecord } | undefined>;
  /** Which generation the digest was once; undefined for none. Throws as `find`. */
  generationOf(reference: TagReference, digest: Digest, signal: AbortSignal): Promise<number | undefined>;
  /** Whether the rules leave the tag alone in that namespace. */
  isExempt(reference: TagReference, namespace: string): boolean;
}

export type Comparison =
  | { readonly kind: 'ok' | 'mismatch' | 'unrecorded' | 'exempt' | 'unknown' }
  | { readonly kind: 'older'; readonly generation: number }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One image of one Pod. */
export interface ComparedImage {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly image: string;
  /** Canonical, without a digest. */
  readonly reference: string;
  readonly running?: Digest;
  readonly recorded?: KnownRecord;
  readonly result: Comparison;
}

export interface ComparedPods {
  /** By namespace, Pod and container. */
  readonly rows: readonly ComparedImage[];
  readonly pods: number;
  /** Images that were left out, since there are too many. */
  readonly skipped: number;
}

const AT_ONCE = 4;

/** Compares what runs with what is recorded, for a person who asks. Asks no registry, and writes nothing. */
export function makeComparer(parts: ComparerParts) {
  return async function compare(
    pages: AsyncIterable<readonly ScannedPod[]>,
    signal: AbortSignal,
  ): Promise<ComparedPods> {
    const { tags, pods, skipped } = await gatherTags(pages);
    const limit = pLimit(AT_ONCE);
    const found = await Promise.all(
      [...tags.values()].map((tag) => limit(() => compareTag(parts, tag, signal))),
    );
    return { rows: found.flat().toSorted(byPlace), pods, skipped };
  };
}

async function compareTag(
  parts: ComparerParts,
  { reference, uses }: RunningTag,
  signal: AbortSignal,
): Promise<readonly ComparedImage[]> {
  const isExempt = ({ pod }: ImageInUse) => parts.isExempt(reference, pod.namespace);
  const known = uses.every(isExempt) ? undefined : await lookUp(parts, reference, signal);
  const rows: ComparedImage[] = [];
  for (const use of uses) {
    const exempt = { kind: 'exempt' } as const;
    const result = isExempt(use) ? exempt : await compareUse(parts, reference, { use, known, signal });
    const { pod, image } = use;
    rows.push({
      namespace: pod.namespace,
      pod: pod.name,
      container: image.container,
      image: image.text,
      reference: reference.canonical,
      ...(image.running !== undefined && { running: image.running }),
      ...(known !== undefined && 'record' in known && { recorded: known.record }),
      result,
    });
  }
  return rows;
}

type Known = { readonly record: KnownRecord } | { readonly error: unknown } | undefined;

async function lookUp(parts: ComparerParts, reference: TagReference, signal: AbortSignal): Promise<Known> {
  try {
    return await parts.find(reference, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return { error };
  }
}

interface Use {
  readonly use: ImageInUse;
  readonly known: Known;
  readonly signal: AbortSignal;
}

async function compareUse(
  parts: ComparerParts,
  reference: TagReference,
  { use, known, signal }: Use,
): Promise<Comparison> {
  if (known === undefined) return { kind: 'unrecorded' };
  if ('error' in known) return { kind: 'failed', error: known.error };
  const { running } = use.image;
  if (running === undefined) return { kind: 'unknown' };
  if (running === known.record.digest) return { kind: 'ok' };
  const generation = await parts.generationOf(reference, running, signal);
  return generation === undefined ? { kind: 'mismatch' } : { kind: 'older', generation };
}

function byPlace(a: ComparedImage, b: ComparedImage): number {
  const key = ({ namespace, pod, container }: ComparedImage) => `${namespace}\n${pod}\n${container}`;
  return key(a) < key(b) ? -1 : 1;
}
