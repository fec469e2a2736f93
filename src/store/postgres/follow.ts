import { Client } from 'pg';
import { toAppError } from '../../errors/app-error.ts';
import type { Logger } from '../../observe/log.ts';
import { clientOptions } from './client-options.ts';
import type { Database, Row } from './pool.ts';
import { storeError } from './store-error.ts';

export const NEWER_CHANNEL = 'tagseal_generations';

const POLL_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
const PAGE = 1_000;
const PAYLOAD = /^([0-9a-f]{64}) ([1-9]\d{0,9})$/;

/** Whatever was not visible when the horizon was taken belongs to a transaction at or above it. */
const HORIZON = 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon';
/** A row from above the snapshot was written by another cluster and restored here. */
const NEWER = `
  SELECT claim_id, generation, created_in::text AS at, name FROM tagseal_records
  WHERE generation > 0 AND (created_in, name) > ($1::xid8, $2)
    AND created_in < pg_snapshot_xmax(pg_current_snapshot())
  ORDER BY created_in, name LIMIT ${PAGE}`;

/** Called at least once for each record with a generation above 0, in no particular order. */
export type OnGeneration = (claimId: string, generation: number) => void;

export interface GenerationFollower {
  /**
   * Tells all newer generations that there are, and from then on each new one: at once by LISTEN, and by asking every
   * `pollMs` where that cannot be. Resolves when `signal` aborts; a server that is away is waited for.
   */
  follow(onChange: OnGeneration, signal: AbortSignal): Promise<void>;
}

export interface FollowerParts {
  readonly database: Database;
  readonly logger: Logger;
  readonly pollMs?: number;
}

export function makeFollower({ database, logger, pollMs = POLL_MS }: FollowerParts): GenerationFollower {
  return {
    async follow(onChange, signal) {
      const poll = makePoll(database, onChange);
      await Promise.all([
        again(() => listen({ database, onChange, caughtUp: () => poll(signal), signal }), 'store.listen'),
        again(async () => {
          await poll(signal);
          await pause(pollMs, signal);
        }, 'store.poll'),
      ]);

      /** Until `signal`: again at once when it ends well, after a growing pause when it fails. */
      async function again(work: () => Promise<void>, job: string): Promise<void> {
        let pauseMs = FIRST_PAUSE_MS;
        while (!signal.aborted) {
          try {
            await work();
            pauseMs = FIRST_PAUSE_MS;
          } catch (error) {
            const { code, message } = toAppError(storeError(error, database.server));
            if (code !== 'DEADLINE_EXCEEDED') logger.warn('background.failed', { job, code }, message);
            await pause(pauseMs, signal);
            pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
          }
        }
      }
    },
  };
}

/** Tells what came since the last time; the two loops may ask at once, and some is told twice. */
function makePoll(database: Database, onChange: OnGeneration): (signal: AbortSignal) => Promise<void> {
  let from = '0';
  return async (signal) => {
    const [first] = await database.query(HORIZON, [], signal);
    const horizon = textAt(first, 'horizon');
    // a horizon that went back is that of another cluster, restored from a backup
    let [at, name] = BigInt(horizon) < BigInt(from) ? ['0', ''] : [from, ''];
    for (let isLast = false; !isLast;) {
      const rows = await database.query(NEWER, [at, name], signal);
      for (const row of rows) {
        onChange(textAt(row, 'claim_id'), Number(row['generation']));
        [at, name] = [textAt(row, 'at'), textAt(row, 'name')];
      }
      isLast = rows.length < PAGE;
    }
    from = horizon;
  };
}

interface Listening {
  readonly database: Database;
  readonly onChange: OnGeneration;
  /** Asks for what was missed before LISTEN was on. */
  readonly caughtUp: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Listens on a connection of its own until it breaks (then throws) or `signal` aborts. */
async function listen({ database, onChange, caughtUp, signal }: Listening): Promise<void> {
  const client = new Client(clientOptions(database.server));
  const { promise: broken, reject, resolve } = Promise.withResolvers<undefined>();
  broken.catch(() => undefined);
  client.on('error', reject);
  client.on('end', () => reject(new Error('Connection terminated')));
  client.on('notification', ({ payload = '' }) => {
    const match = PAYLOAD.exec(payload);
    if (match !== null) onChange(match[1] ?? '', Number(match[2]));
  });
  const stop = () => resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.connect();
    await client.query(`LISTEN ${NEWER_CHANNEL}`);
    await caughtUp();
    if (!signal.aborted) await broken;
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

function textAt(row: Row | undefined, name: string): string {
  const value = row?.[name];
  return typeof value === 'string' ? value : '';
}
