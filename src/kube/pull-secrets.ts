import type { PullSecret, PullSecrets } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, listOf, textOf } from './fields.ts';
import { secretsIn, serviceAccountsIn } from './resources.ts';

/** The `imagePullSecrets` of a pod spec, and the service account whose secrets stand in where there are none. */
export interface PullSecretsAsked {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly serviceAccount?: string;
}

type Unreadable = PullSecrets['unreadable'][number];

const MAX_SECRETS = 16;
/** The API server's own limit. */
const MAX_BYTES = 1024 * 1024;
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const PREFIX = 'kubernetes.io/';

/** Reads pull secrets by `get` alone. What cannot be read stands in the answer. */
export function makePullSecretLookup(api: Pick<KubeApi, 'get'>) {
  return {
    async find(asked: PullSecretsAsked, signal: AbortSignal): Promise<PullSecrets> {
      const { namespace } = asked;
      const named = await namesOf(asked, signal);
      if (!Array.isArray(named)) return { secrets: [], unreadable: [named] };
      const read = await Promise.all(
        named.map((name) =>
          orUnreadable(`${namespace}/${name}`, signal, async (full) =>
            readPullSecret(full, await api.get(secretsIn(namespace), name, signal)),
          ),
        ),
      );
      return {
        secrets: read.filter((one) => 'content' in one),
        unreadable: read.filter((one) => 'why' in one),
      };
    },
  };

  async function namesOf(
    { namespace, names, serviceAccount }: PullSecretsAsked,
    signal: AbortSignal,
  ): Promise<string[] | Unreadable> {
    if (names.length > 0 || serviceAccount === undefined) return names.slice(0, MAX_SECRETS);
    const name = `${namespace}/${serviceAccount} (service account)`;
    return orUnreadable(name, signal, async () =>
      pullSecretNames(await api.get(serviceAccountsIn(namespace), serviceAccount, signal)),
    );
  }
}

/** The pull secrets that a service account names; none where there is no account. */
export function pullSecretNames(account: KubeObject | undefined): string[] {
  const names = listOf(account?.['imagePullSecrets']).map((item) => textOf(fieldsOf(item)['name']) ?? '');
  return [...new Set(names)].filter((name) => NAME.test(name)).slice(0, MAX_SECRETS);
}

/** What a Secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg holds. `name` is `namespace/name`. Pure. */
export function readPullSecret(name: string, secret: KubeObject | undefined): PullSecret | Unreadable {
  if (secret === undefined) return { name, why: 'there is no such Secret' };
  const type = textOf(secret['type']) ?? '';
  const kind = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
  if (kind !== 'dockerconfigjson' && kind !== 'dockercfg') {
    return { name, why: `its type is ${quote(type)} and not kubernetes.io/dockerconfigjson` };
  }
  const encoded = textOf(fieldsOf(secret['data'])[`.${kind}`]);
  if (encoded === undefined) return { name, why: `it has no .${kind}` };
  if (encoded.length > MAX_BYTES * 2) return { name, why: `its .${kind} exceeds ${MAX_BYTES} bytes` };
  return { name, type: kind, content: Buffer.from(encoded, 'base64').toString('utf8') };
}

async function orUnreadable<Value>(
  name: string,
  signal: AbortSignal,
  read: (name: string) => Promise<Value>,
): Promise<Value | Unreadable> {
  try {
    return await read(name);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError) || !error.code.startsWith('KUBERNETES_')) throw error;
    return { name, why: error.message };
  }
}
