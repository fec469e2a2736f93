import * as z from 'zod/mini';

const MAX_LENGTH = 4_096;
const shape = z.object({
  pid: z.int().check(z.positive()),
  started: z.optional(z.string()),
  token: z.string(),
  url: z.optional(z.string()),
});

/** The process that has a log directory open. */
export interface LockHolder {
  readonly pid: number;
  /** Tells this process from a later one with the same pid; absent where the system does not say. */
  readonly started?: string | undefined;
  /** Random, different for each taking of the lock. */
  readonly token: string;
  /** Where it serves the log, once it does. */
  readonly url?: string | undefined;
}

/** The holder named by a lock file, or undefined when the file was not written by us: then nobody holds it. */
export function parseHolder(text: string): LockHolder | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return z.safeParse(shape, json).data;
}
