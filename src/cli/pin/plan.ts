import type { Verdict } from '../../check/verdict.ts';
import { exitCodeOf, worst } from '../exit-code.ts';
import { printable } from '../printable.ts';
import type { ImageSpot } from './find-images.ts';
import { pinOf } from './pin-of.ts';
import { splice } from './splice.ts';

/** One file to be pinned. */
export interface Target {
  readonly name: string;
  readonly text: string;
  readonly spots: readonly ImageSpot[];
}

export interface Change {
  readonly line: number;
  readonly image: string;
  readonly pinned: string;
}

export interface PinnedTarget extends Target {
  readonly pinnedText: string;
  readonly changes: readonly Change[];
}

export interface Plan {
  readonly targets: readonly PinnedTarget[];
  /** Images that stay unpinned, each with its place and the reason. */
  readonly problems: readonly string[];
  /** Not 0 when an image may not be pinned: then nothing is to be written. */
  readonly code: number;
}

/** What the verdicts make of the files; writes nothing. */
export function plan(targets: readonly Target[], verdicts: ReadonlyMap<string, Verdict>): Plan {
  const pins = new Map<string, string>();
  const refused: number[] = [];
  for (const [image, verdict] of verdicts) {
    const pin = pinOf(image, verdict);
    if (pin === undefined) refused.push(exitCodeOf(verdict));
    else pins.set(image, pin);
  }
  return {
    targets: targets.map((target) => pinnedTarget(target, pins)),
    problems: targets.flatMap(({ name, spots }) =>
      spots.flatMap((spot) => problem(name, spot, verdicts.get(spot.image))),
    ),
    code: worst(refused),
  };
}

function pinnedTarget(target: Target, pins: ReadonlyMap<string, string>): PinnedTarget {
  const changes = target.spots.flatMap(({ line, image }) => {
    const pinned = pins.get(image);
    return pinned === undefined || pinned === image ? [] : [{ line, image, pinned }];
  });
  return { ...target, changes, pinnedText: splice(target.text, target.spots, pins) };
}

function problem(name: string, { line, image }: ImageSpot, verdict: Verdict | undefined): readonly string[] {
  const place = `${printable(name)}:${line}`;
  switch (verdict?.kind) {
    case 'deny':
      return [`${place}: ${verdict.denial.message}`];
    case 'report':
      return [`${place}: left as it is: ${verdict.denial.message}`];
    case 'pending':
      return [`${place}: ${image} is being recorded and not in the log yet; try again`];
    default:
      return [];
  }
}
