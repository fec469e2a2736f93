import type { Validity } from '../sigstore-trust.ts';

/** A span of time, both ends included, in milliseconds since the epoch. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** What `validFor` of a trusted root says; throws nothing, since such texts were validated when they were read. */
export function windowOf(validFor: Validity | undefined): Window {
  const { start, end } = validFor ?? {};
  return {
    from: start === undefined ? Number.NEGATIVE_INFINITY : Date.parse(start),
    to: end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end),
  };
}

export function lifetimeOf(certificate: { readonly notBefore: number; readonly notAfter: number }): Window {
  return { from: certificate.notBefore, to: certificate.notAfter };
}

/** The span that is in all of them. */
export function overlap(windows: readonly Window[]): Window {
  return {
    from: Math.max(...windows.map(({ from }) => from)),
    to: Math.min(...windows.map(({ to }) => to)),
  };
}

/** False for NaN at either end, so that an unreadable time is never a good one. */
export function isWithin({ from, to }: Window, time: number): boolean {
  return from <= time && time <= to;
}
