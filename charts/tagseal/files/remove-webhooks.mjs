// Deletes both webhook configurations before anything else of a release goes. What is gone already is as good.
import { call } from './api.mjs';

const name = process.argv[2];
for (const kind of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
  const { status, body } = await call('DELETE', `/apis/admissionregistration.k8s.io/v1/${kind}/${name}`);
  if (status !== 200 && status !== 404) {
    console.error(`${kind}/${name} was not deleted: ${status} ${body.message ?? ''}`);
    process.exit(1);
  }
  console.log(`${kind}/${name} ${status === 404 ? 'was not there' : 'deleted'}`);
}
