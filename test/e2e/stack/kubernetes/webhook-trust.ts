import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { KubeApi, KubeObject } from '../../../../src/kube/api.ts';
import { secretsIn } from '../../../../src/kube/resources.ts';
import { NAMESPACE } from './tagseal-release.ts';

const SECRET = 'tagseal-ca';
const KEY = 'authorities.json';
const WEBHOOK_PORT = 8443;
const { signal } = new AbortController();

/** The webhook's CAs, as its Secret holds them. */
export interface Authorities {
  readonly signing: { readonly cert: string; readonly notAfter: number };
  readonly next?: unknown;
  readonly retired: readonly unknown[];
}

async function readSecret(api: KubeApi): Promise<{ secret: KubeObject; authorities: Authorities }> {
  const secret = await api.get(secretsIn(NAMESPACE), SECRET, signal);
  if (secret === undefined) throw new Error('no CA');
  const { [KEY]: text = '' } = secret['data'] as Record<string, string>;
  return { secret, authorities: JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as Authorities };
}

export async function readAuthorities(api: KubeApi): Promise<Authorities> {
  return (await readSecret(api)).authorities;
}

/** Leaves the signing CA so little of its life that the controller has to rotate it. Gives what was before. */
export async function ageAuthority(api: KubeApi, leftMs: number): Promise<Authorities> {
  const { secret, authorities } = await readSecret(api);
  const aged = { ...authorities, signing: { ...authorities.signing, notAfter: Date.now() + leftMs } };
  const data = { [KEY]: Buffer.from(JSON.stringify(aged)).toString('base64') };
  if ((await api.replace(secretsIn(NAMESPACE), { ...secret, data }, signal)) === 'conflict') {
    throw new Error('somebody else changed the CA');
  }
  return authorities;
}

/** What the API server trusts now, in PEM. */
export async function trustBundle(api: KubeApi): Promise<string> {
  const group = 'admissionregistration.k8s.io';
  const resource = { group, version: 'v1', plural: 'mutatingwebhookconfigurations' };
  const found = await api.get(resource, 'tagseal', signal);
  const [webhook] = (found?.['webhooks'] ?? []) as readonly { clientConfig: { caBundle: string } }[];
  return Buffer.from(webhook?.clientConfig.caBundle ?? '', 'base64').toString('utf8');
}

/** A new connection, as the API server makes it. Gives the serial number of the leaf; throws if `ca` does not trust it. */
export function greet(host: string, ca: string): Promise<string> {
  const servername = `tagseal-webhook.${NAMESPACE}.svc`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: WEBHOOK_PORT, ca, servername }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).serialNumber);
      socket.end();
    });
    socket.once('error', reject);
  });
}
