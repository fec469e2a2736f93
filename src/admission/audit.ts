import type { Finding } from './handler.ts';

/** A label key has 63 characters, `image-` taken off. */
const KEY_NAME = /^[a-z0-9][a-z0-9-]{0,55}$/;

/**
 * What the cluster's audit log keeps: the decision, and the recorded digest of each container by its name, since an index
 * changes when a sidecar is injected. A second call must give the same values, so no times and nothing of the text.
 */
export function auditAnnotations(findings: readonly Finding[]): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = { decision: 'allow' };
  for (const { image, verdict } of findings) {
    if (verdict.kind !== 'admit' || verdict.record === undefined || !KEY_NAME.test(image.name)) continue;
    const key = `${image.list === 'volumes' ? 'volume' : 'image'}-${image.name}`;
    annotations[key] = `${verdict.record.reference}@${verdict.pin}`;
  }
  return annotations;
}
