import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { leafHash } from '../../ledger/leaf-hash.ts';
import { unavailable } from '../log-answer.ts';
import { systemCode } from '../../errors/system-code.ts';
import type { LogStore } from './log-store.ts';
import { MAX_COMMIT_ENTRIES } from './tile-files.ts';

const MAX_WAITING = 20_000;

export interface Appended {
  readonly outcome: 'created' | 'exists';
  readonly index: number;
}

interface Waiting {
  readonly body: Uint8Array;
  readonly hash: Uint8Array;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: AppError) => void;
}

export interface GroupCommit {
  /** Resolves once a durable checkpoint covers the entry; equal entries share one leaf. Throws LOG_UNAVAILABLE. */
  append(body: Uint8Array): Promise<Appended>;
  /** Refuses new entries and waits for those under way. */
  close(): Promise<void>;
}

/** Writes all entries that arrive during one commit by the next one, so that they share its waits for the disk. */
export function makeGroupCommit(
  store: LogStore,
  dir: string,
  onTidyFailed: (error: unknown) => void,
): GroupCommit {
  const waiting: Waiting[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const fresh = new Map<string, Waiting>();
    for (const each of batch) {
      const key = hex(each.hash);
      if (store.find(each.hash) === undefined && !fresh.has(key)) fresh.set(key, each);
    }
    try {
      await store.commit([...fresh.values()].map(({ body }) => body));
      for (const each of batch) each.resolve(toAppended(store, each, fresh));
    } catch (error) {
      const refusal = refusalOf(error, dir);
      for (const each of batch) each.reject(refusal);
      return;
    }
    await store.tidy().catch(onTidyFailed);
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) await commit(waiting.splice(0, MAX_COMMIT_ENTRIES));
    running = undefined;
  }

  return {
    append: (body) =>
      new Promise((resolve, reject) => {
        if (closed || waiting.length >= MAX_WAITING) {
          const why = closed ? 'it is being closed' : `${MAX_WAITING} writes are waiting already`;
          reject(unavailable(`cannot write to the log in ${quote(dir)}: ${why}; try again later`));
          return;
        }
        waiting.push({ body, hash: leafHash(body), resolve, reject });
        running ??= Promise.resolve().then(drain);
      }),
    async close() {
      closed = true;
      await running;
    },
  };
}

function toAppended(store: LogStore, each: Waiting, fresh: ReadonlyMap<string, Waiting>): Appended {
  const index = store.find(each.hash);
  if (index === undefined) throw new TypeError('a committed entry is not in the tree');
  return { index, outcome: fresh.get(hex(each.hash)) === each ? 'created' : 'exists' };
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

function refusalOf(error: unknown, dir: string): AppError {
  if (error instanceof AppError) return error;
  const code = systemCode(error) ?? 'an unknown error';
  const todo = code === 'ENOSPC' ? 'free space on its disk' : 'check its disk and permissions';
  return unavailable(`cannot write to the log in ${quote(dir)}: ${code}; ${todo}`, error);
}
