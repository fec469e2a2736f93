import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import {
  dueStep,
  firstAuthorities,
  parseAuthorities,
  type Authorities,
  type AuthorityTimes,
} from '../http/authorities.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { secretsIn } from './resources.ts';
import { untilMade, type Wait } from './until-made.ts';

const KEY = 'authorities.json';

export interface AuthoritySecretParts {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  readonly times: AuthorityTimes;
  readonly clock: { now(): number };
  readonly wait: Wait;
}

/** The webhook's CAs in a Secret that all replicas read. Throws KUBERNETES_*, KEY_INVALID. */
export interface AuthoritySecret {
  /** Made by the first of those who may. */
  open(signal: AbortSignal): Promise<Authorities>;
  /** As `open`, and takes the step of a rotation that is due: for one leader. */
  advance(signal: AbortSignal): Promise<Authorities>;
}

export function makeAuthoritySecret(parts: AuthoritySecretParts): AuthoritySecret {
  const { api, namespace, name, times, clock, wait } = parts;
  const secrets = secretsIn(namespace);

  async function read(signal: AbortSignal): Promise<KubeObject> {
    const found = await api.get(secrets, name, signal);
    if (found !== undefined) return found;
    const first = await firstAuthorities(times, clock.now());
    const made = await api.create(secrets, secretOf({ name, namespace }, first), signal);
    if (made !== 'exists') return made;
    return (await api.get(secrets, name, signal)) ?? gone(name);
  }

  return {
    async open(signal) {
      const secret = await untilMade(() => read(signal), wait, signal);
      return authoritiesIn(secret, name);
    },
    async advance(signal) {
      const secret = await read(signal);
      const authorities = authoritiesIn(secret, name);
      const due = await dueStep(authorities, times, clock.now());
      if (due === undefined) return authorities;
      const written = await api.replace(secrets, secretOf(secret.metadata, due), signal);
      // another leader was faster: what it wrote is as good
      return written === 'conflict' ? authoritiesIn(await read(signal), name) : due;
    },
  };
}

function secretOf(metadata: KubeObject['metadata'], authorities: Authorities): KubeObject {
  const text = Buffer.from(JSON.stringify(authorities), 'utf8').toString('base64');
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { [KEY]: text } };
}

function authoritiesIn(secret: KubeObject, name: string): Authorities {
  const { data } = secret;
  const fields: Partial<Record<string, unknown>> = typeof data === 'object' ? { ...data } : {};
  const text = fields[KEY];
  try {
    return parseAuthorities(Buffer.from(typeof text === 'string' ? text : '', 'base64').toString('utf8'));
  } catch (cause) {
    const why = cause instanceof TypeError ? cause.message : 'it cannot be read';
    throw new AppError({
      code: 'KEY_INVALID',
      message: `cannot use the Secret ${quote(name)}: ${why}; delete it to have new ones made`,
      cause,
    });
  }
}

function gone(name: string): never {
  throw new AppError({
    code: 'KUBERNETES_UNAVAILABLE',
    message: `cannot read the Secret ${quote(name)}: somebody deletes it as it is made; see who does`,
  });
}
