import type { PullAccess, PullSecrets } from '../check/ports.ts';
import { isJsonObject, textAt } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

export interface PullSecretsAsked {
  readonly namespace: string;
  /** As the pod spec names them. */
  readonly names: readonly string[];
  /** Its secrets count only where the pod spec names none. Absent for a Pod, to which the API server has copied them. */
  readonly serviceAccount?: string;
}

/**
 * Reads Secrets and service accounts. What cannot be read stands in the answer, so that the rest is still tried; throws
 * KUBERNETES_* only where nothing could be asked.
 */
export interface PullSecretLookup {
  find(asked: PullSecretsAsked, signal: AbortSignal): Promise<PullSecrets>;
}

const MAX_SECRETS = 16;
/** RFC 1123 subdomain, as names of Secrets and service accounts are; nothing else can exist. */
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** What a pod spec says of pull secrets. `isPod`: the spec of a Pod itself and not of a template. */
export function pullSecretsOf(
  spec: JsonObject | undefined,
  namespace: string,
  isPod: boolean,
): PullSecretsAsked {
  const items = spec?.['imagePullSecrets'];
  const list: readonly unknown[] = Array.isArray(items) ? items : [];
  const named = list.map((item) => (isJsonObject(item) ? textAt(item, 'name') : ''));
  const names = [...new Set(named)].filter((name) => NAME.test(name)).slice(0, MAX_SECRETS);
  if (isPod || names.length > 0) return { namespace, names };
  const account = spec === undefined ? '' : textAt(spec, 'serviceAccountName');
  const serviceAccount = account === '' ? 'default' : account;
  return NAME.test(serviceAccount) ? { namespace, names, serviceAccount } : { namespace, names };
}

/** Undefined where no secret is meant: then answers are shared with everybody who has none. */
export function accessOf(
  lookup: PullSecretLookup | undefined,
  asked: PullSecretsAsked,
): PullAccess | undefined {
  const { namespace, names, serviceAccount } = asked;
  if (lookup === undefined || namespace === '') return undefined;
  if (names.length === 0 && serviceAccount === undefined) return undefined;
  return {
    scope: JSON.stringify([namespace, names, serviceAccount ?? null]),
    secrets: (signal) => lookup.find(asked, signal),
  };
}
