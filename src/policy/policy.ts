import type { LabelSelector } from './label-selector.ts';

/** What to do with a denial: refuse, refuse nothing but warn, only log, or do not look at all. */
export type Mode = 'enforce' | 'warn' | 'audit' | 'off';

/** A tag that is made to move. `exempt`: no record, no check; `track`: each move becomes a generation, none is refused. */
export interface MutableTags {
  readonly tags: readonly string[];
  readonly as: 'exempt' | 'track';
}

/** One rule with every default filled in; the fields are those of `TagPolicy.spec`. */
export interface Rule {
  readonly name: string;
  /** Higher is tried first. */
  readonly priority: number;
  /** Absent: everywhere. Else only in the namespaces whose labels it takes. */
  readonly namespaceSelector?: LabelSelector;
  readonly images: readonly string[];
  readonly mode: Mode;
  readonly rewrite: 'tagDigest' | 'digest' | 'none';
  readonly onMoved: 'deny' | 'pinRecorded';
  readonly onUnresolvable: 'deny' | 'warn' | 'pinRecorded';
  readonly recording: 'required' | 'deferred';
  readonly onLogUnavailable: 'deny' | 'admitReserved';
  readonly recheck: 'always' | 'interval' | 'never';
  readonly mutableTags: readonly MutableTags[];
}

/** Rules in the order in which they are tried; the first that matches decides. */
export interface Policy {
  readonly rules: readonly Rule[];
}
