import type { ReasonLabel } from './metrics.ts';

/** Somebody has to look after these; all other refusals are what Tagseal is for. */
const OUTAGES: ReadonlySet<ReasonLabel> = new Set<ReasonLabel>([
  'LOG_UNAVAILABLE',
  'LOG_IN_USE',
  'SIGNER_UNAVAILABLE',
  'TRUST_ROOT_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'KUBERNETES_UNAVAILABLE',
  'KUBERNETES_REFUSED',
  'REGISTRY_RATE_LIMITED',
  'REGISTRY_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
]);

/** At which level a denial for this reason is logged. */
export function levelOf(reason: ReasonLabel): 'warn' | 'info' {
  return OUTAGES.has(reason) ? 'warn' : 'info';
}
