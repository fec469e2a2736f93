import { readFile, stat } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** User name -> bcrypt hash. */
export type Htpasswd = ReadonlyMap<string, string>;

const MAX_BYTES = 1024 * 1024;
const MAX_USERS = 10_000;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** Below it a hash is guessed too quickly, above it a login takes seconds. */
const COSTS = { min: 5, max: 14 };

/** Lines `user:$2y$…` as `htpasswd -B` writes them; other hashes are refused. Throws CREDENTIALS_INVALID. */
export function parseHtpasswd(text: string, file: string): Htpasswd {
  const users = new Map<string, string>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const [user, hash] = [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1).trim()];
    if (user === '') throw invalid(file, `line ${at + 1} is not "user:hash"`);
    if (!isUsable(hash)) {
      throw invalid(file, `line ${at + 1} has no bcrypt hash of cost ${COSTS.min} to ${COSTS.max}`);
    }
    if (users.has(user)) throw invalid(file, `line ${at + 1} names a user for the second time`);
    users.set(user, hash);
  }
  if (users.size === 0) throw invalid(file, 'it names no user');
  if (users.size > MAX_USERS) throw invalid(file, `it names more than ${MAX_USERS} users`);
  return users;
}

export function costOf(hash: string): number {
  return Number(BCRYPT.exec(hash)?.[1] ?? 0);
}

function isUsable(hash: string): boolean {
  const cost = costOf(hash);
  return cost >= COSTS.min && cost <= COSTS.max;
}

/** The file as it is now; the very same value as long as it does not change. Throws CREDENTIALS_INVALID. */
export function makeHtpasswdFile(file: string): () => Promise<Htpasswd> {
  let loaded: { readonly version: string; readonly users: Htpasswd } | undefined;
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (loaded?.version === version) return loaded.users;
      if (size > MAX_BYTES) throw invalid(file, `it exceeds ${MAX_BYTES} bytes`);
      const users = parseHtpasswd(await readFile(file, 'utf8'), file);
      loaded = { version, users };
      return users;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw invalid(file, error instanceof Error ? error.message : 'it cannot be read', error);
    }
  };
}

function invalid(file: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'CREDENTIALS_INVALID',
    message: `cannot use the password file ${quote(file)}: ${why}; write it with "htpasswd -B"`,
    ...(cause !== undefined && { cause }),
  });
}
