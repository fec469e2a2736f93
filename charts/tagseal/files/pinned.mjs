// Creates a Pod that is never stored (dryRun) in a namespace that enforces, and sees that its image comes back pinned.
import { setTimeout as pause } from 'node:timers/promises';
import { call } from './api.mjs';

const [namespace, image, tries = '30'] = process.argv.slice(2);
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pinned', namespace },
  spec: {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'pinned',
        image,
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};

let last = '';
for (let left = Number(tries); left > 0; left--) {
  const { status, body } = await call('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
  const found = body?.spec?.containers?.[0]?.image ?? '';
  if (status === 201 && found !== image && /@sha256:[0-9a-f]{64}$/.test(found)) {
    console.log(`${image} is pinned: ${found}`);
    process.exit(0);
  }
  // a new namespace gets its service account, and a new webhook its way to the API server, only after a moment
  last = status === 201 ? `the image came back as ${found}` : `${status} ${body.message ?? ''}`;
  console.error(last);
  if (left > 1) await pause(2_000);
}
console.error(`${image} is not pinned in namespace ${namespace}: ${last}`);
process.exit(1);
