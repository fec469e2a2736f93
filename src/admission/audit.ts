import type { Finding } from './handler.ts';

/** A key has 63 characters at most, `volume-` included. */
const KEY_NAME = /^[a-z0-9][a-z0-9-]{0,55}$/;

/**
 * What the cluster's audit log keeps: the decision, and what each container was pinned to and where that is recorded, by the
 * container's name, since an index changes when a sidecar is injected. A second call must give the same values, so no times
 * and nothing of the text.
 */
export function auditAnnotations(findings: readonly Finding[]): ReadonlyMap<string, string> {
  const annotations = new Map([['decision', 'allow']]);
  for (const { image, verdict } of findings) {
    if (verdict.kind !== 'admit' || verdict.record === undefined || !KEY_NAME.test(image.name)) continue;
    const key = image.list === 'volumes' ? `volume-${image.name}` : `image-${image.name}`;
    const { log } = verdict.record;
    annotations.set(key, log === undefined ? verdict.pin : `${verdict.pin} log index ${log.index}`);
  }
  return annotations;
}
