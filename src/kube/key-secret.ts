import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, textOf } from './fields.ts';
import { secretsIn, TAG_RECORDS } from './resources.ts';
import { untilMade, type Wait } from './until-made.ts';

export interface KeyPlace {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace' | 'listPage'>;
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  readonly wait: Wait;
}

const MAX_TRIES = 5;

/** Keys of the deployment in one Secret. Throws KEY_INVALID, KUBERNETES_*. */
export interface KeySecret {
  /** The text under that name; made with `make` on first start, by the first of those who may. */
  readOrMake(key: string, make: () => string, signal: AbortSignal): Promise<string>;
}

export function makeKeySecret({ api, namespace, name, wait }: KeyPlace): KeySecret {
  const secrets = secretsIn(namespace);

  async function write(before: KubeObject | undefined, key: string, text: string, signal: AbortSignal) {
    const data = { ...fieldsOf(before?.['data']), [key]: Buffer.from(text, 'utf8').toString('base64') };
    const metadata = before?.metadata ?? { name, namespace };
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data };
    await (before === undefined ? api.create(secrets, secret, signal) : api.replace(secrets, secret, signal));
  }

  /** A new key beside old records would make every known tag look new, or every record forged. */
  async function requireFirstStart(key: string, signal: AbortSignal): Promise<void> {
    const page = await api.listPage(TAG_RECORDS, { limit: 1, metadataOnly: true }, signal);
    if (page !== 'expired' && page.items.length === 0) return;
    // another process may have made the key, and recorded a tag, since we looked
    if (keyIn(await api.get(secrets, name, signal), key) !== undefined) return;
    const why = `it has no ${key}, and there are TagRecords that were made with it`;
    throw unusable(name, `${why}; restore it from a backup, or name another key in the config`);
  }

  async function attempt(key: string, make: () => string, signal: AbortSignal): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const found = await api.get(secrets, name, signal);
      const text = keyIn(found, key);
      if (text !== undefined) return text;
      await requireFirstStart(key, signal);
      // whoever was faster is read in the next round
      await write(found, key, make(), signal);
    }
    throw unusable(name, 'others change it all the time; see who writes to it');
  }

  return {
    readOrMake: (key, make, signal) => untilMade(() => attempt(key, make, signal), wait, signal),
  };
}

function keyIn(secret: KubeObject | undefined, key: string): string | undefined {
  const text = textOf(fieldsOf(secret?.['data'])[key]);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

function unusable(name: string, why: string): AppError {
  return new AppError({ code: 'KEY_INVALID', message: `cannot use the Secret ${quote(name)}: ${why}` });
}
