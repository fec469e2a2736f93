import type { KubeApi, KubeObject, Resource } from './api.ts';

const GROUP = 'admissionregistration.k8s.io';
const FIELD_MANAGER = 'tagseal-ca-bundle';

const CONFIGURATIONS = [
  { plural: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration' },
  { plural: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
] as const;

/**
 * Writes the trust bundle (PEM) into each webhook of the two configurations of this name, as the only owner of that one
 * field. Resolves with how many webhooks have it; a configuration that is not there has none. Throws KUBERNETES_*.
 */
export async function applyCaBundle(
  { api, name }: { readonly api: KubeApi; readonly name: string },
  bundle: string,
  signal: AbortSignal,
): Promise<number> {
  const caBundle = Buffer.from(bundle, 'utf8').toString('base64');
  let count = 0;
  for (const { plural, kind } of CONFIGURATIONS) {
    const resource: Resource = { group: GROUP, version: 'v1', plural };
    const found = await api.get(resource, name, signal);
    if (found === undefined) continue;
    const webhooks = webhooksOf(found);
    count += webhooks.length;
    if (webhooks.every((webhook) => webhook.caBundle === caBundle)) continue;
    const wanted: KubeObject = {
      apiVersion: `${GROUP}/v1`,
      kind,
      metadata: { name },
      webhooks: webhooks.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } })),
    };
    await api.apply(resource, wanted, { fieldManager: FIELD_MANAGER, force: true }, signal);
  }
  return count;
}

function webhooksOf({ webhooks }: KubeObject): readonly { name: string; caBundle: unknown }[] {
  if (!Array.isArray(webhooks)) return [];
  return webhooks.flatMap((webhook: unknown) => {
    const { name, clientConfig } = fieldsOf(webhook);
    return typeof name === 'string' ? [{ name, caBundle: fieldsOf(clientConfig)['caBundle'] }] : [];
  });
}

function fieldsOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
