import { fileURLToPath } from 'node:url';
import { succeed } from './clients.ts';
import type { StartedControlPlane } from './control-plane.ts';

export const CRD_FOLDER = fileURLToPath(new URL('../../../../charts/tagseal/files/crds/', import.meta.url));

/** Applies the chart's CRDs, and waits until the API server serves them. */
export async function installCrds({ kubectl }: Pick<StartedControlPlane, 'kubectl'>): Promise<void> {
  await succeed(kubectl(['apply', '--server-side', '-f', CRD_FOLDER]));
  await succeed(
    kubectl([
      'wait',
      '--for=condition=Established',
      '--timeout=60s',
      ...['tagrecords', 'tagpolicies', 'tagapprovals'].map((plural) => `crd/${plural}.tagseal.dev`),
    ]),
  );
}
