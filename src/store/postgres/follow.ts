import { Client } from 'pg';
import type { Logger } from '../../observe/log.ts';
import type { GenerationFollower, OnGeneration } from '../../protocol/ports.ts';
import { pause } from '../../cache/pause.ts';
import { repeat } from '../repeat.ts';
import { clientOptions } from './client-options.ts';
import type { Database, Row } from './pool.ts';
import { storeError } from './store-error.ts';

export const NEWER_CHANNEL = 'tagseal_generations';

const POLL_MS = 15_000;
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

export interface FollowerParts {
  readonly database: Database;
  readonly logger: Logger;
  readonly pollMs?: number;
}

/** New ones come at once by LISTEN, and by asking every `pollMs` where that cannot be. */
export function makeFollower({ database, logger, pollMs = POLL_MS }: FollowerParts): GenerationFollower {
  const explain = (error: unknown) => storeError(error, database.server);
  return {
    async follow(onChange, signal) {
      const poll = makePoll(database, onChange);
      const hear = () => listen({ database, onChange, caughtUp: () => poll(signal), signal });
      async function ask(): Promise<void> {
        await poll(signal);
        await pause(pollMs, signal);
      }
      await Promise.all([
        repeat({ job: 'store.listen', work: hear, logger, explain }, signal),
        repeat({ job: 'store.poll', work: ask, logger, explain }, signal),
      ]);
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

function textAt(row: Row | undefined, name: string): string {
  const value = row?.[name];
  return typeof value === 'string' ? value : '';
}
