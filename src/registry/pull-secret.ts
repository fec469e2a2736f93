import { z } from 'zod/mini';
import type { PullSecret, PullSecrets } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { Credential } from './credential.ts';
import { canonicalKey, credentialOf, entrySchema } from './docker-config.ts';
import { matchesLabel } from './match-label.ts';

type Unreadable = PullSecrets['unreadable'][number];

/** What may be shown to a registry, in the order in which it is tried, and which secrets could not be used. */
export interface Candidates {
  readonly credentials: readonly Credential[];
  readonly unreadable: readonly Unreadable[];
}

interface Entry {
  /** `host[:port][/path]`, where each label of the host may hold `*` and `?`. */
  readonly key: string;
  readonly credential: Credential;
}

/** Each costs the asker a call or two. */
const MAX_CANDIDATES = 8;

const auths = z.record(z.string(), entrySchema);
// helpers are left out on purpose: nobody's Secret starts a program here
const configSchema = z.object({ auths });

/**
 * The credentials for an image among those of pull secrets, as kubelet's keyring has them: keys in reverse order, so that
 * longer paths come first, and within a key in the order of the secrets. Pure.
 */
export function candidatesFor(
  { secrets, unreadable }: PullSecrets,
  registry: string,
  repository: string,
): Candidates {
  const broken: Unreadable[] = [...unreadable];
  const entries: Entry[] = [];
  for (const secret of secrets) {
    const read = entriesOf(secret);
    if (read === undefined) broken.push({ name: secret.name, why: notADockerConfig(secret) });
    else entries.push(...read);
  }
  const matching = entries.filter(({ key }) => matches(key, registry, repository));
  matching.sort((one, other) => Number(one.key < other.key) - Number(one.key > other.key));
  const credentials = matching.map(({ credential }) => credential).slice(0, MAX_CANDIDATES);
  return { credentials, unreadable: broken };
}

function entriesOf({ name, type, content }: PullSecret): readonly Entry[] | undefined {
  const json = parseJson(content);
  const parsed =
    type === 'dockercfg' ? auths.safeParse(json) : z.pipe(configSchema, z.transform(authsOf)).safeParse(json);
  if (!parsed.success) return undefined;
  try {
    return Object.entries(parsed.data).flatMap(([key, entry]) => {
      const credential = credentialOf(key, entry, `pull secret ${name}`);
      return credential === undefined ? [] : [{ key: canonicalKey(key), credential }];
    });
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function authsOf({ auths: found }: z.infer<typeof configSchema>): z.infer<typeof auths> {
  return found;
}

function notADockerConfig({ type }: PullSecret): string {
  return `its .${type} is not what "kubectl create secret docker-registry" writes`;
}

/** Port and number of labels must be the same, each label match, and the path begin with the key's. */
function matches(key: string, registry: string, repository: string): boolean {
  const slash = key.indexOf('/');
  const host = slash === -1 ? key : key.slice(0, slash);
  if (slash !== -1 && !repository.startsWith(key.slice(slash + 1))) return false;
  if (host === registry) return true;
  const [pattern, name] = [splitHost(host), splitHost(registry)];
  if (pattern.port !== name.port || pattern.labels.length !== name.labels.length) return false;
  return pattern.labels.every((label, at) => matchesLabel(label, name.labels[at] ?? ''));
}

function splitHost(host: string): { readonly labels: readonly string[]; readonly port: string } {
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return { labels: name.split('.'), port };
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // no cause: the parser's message quotes the text, and with it perhaps a secret; the schema refuses it next
    return undefined;
  }
}
