import pLimit from 'p-limit';
import { Pool, type ClientBase } from 'pg';
import { orAborted } from '../../protocol/or-aborted.ts';
import { clientOptions } from './client-options.ts';
import { placeOf, type PostgresServer } from './server.ts';
import { storeError, unavailable } from './store-error.ts';

const IDLE_MS = 30_000;
/** One call with its wait for a connection; a statement gets less, so that the server gives up first. */
const CALL_MS = 10_000;
const STATEMENT_MS = 5_000;
/** More than this many waiting calls mean that the server cannot keep up. */
const MAX_WAITING = 20_000;

/**
 * `synchronous_commit` is only ever raised, and a query whose asker has gone is stopped by the server itself (from
 * version 14 on, where the platform can tell).
 */
const SESSION = `
  SET statement_timeout = ${STATEMENT_MS};
  SET idle_in_transaction_session_timeout = ${CALL_MS};
  SET default_transaction_isolation = 'read committed';
  SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
  DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '500', false);
    EXCEPTION WHEN OTHERS THEN NULL; END $$`;

export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement; `$1` and on stand for the values. */
export type RunQuery = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export interface Database {
  readonly server: PostgresServer;
  /** Throws STORE_UNAVAILABLE, DEADLINE_EXCEEDED when `signal` aborts. A failed write may have been done. */
  query(text: string, values: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]>;
  /** Several statements on one connection, for at most `timeMs`; a connection whose session failed is closed. */
  session<T>(work: (run: RunQuery) => Promise<T>, signal: AbortSignal, timeMs?: number): Promise<T>;
  close(): Promise<void>;
}

/** A bounded pool; connections are made when needed, and a broken one is replaced by the next call. */
export function makeDatabase(server: PostgresServer, maxConnections: number): Database {
  const pool = new Pool({ ...clientOptions(server), max: maxConnections, idleTimeoutMillis: IDLE_MS });
  const ready = new WeakSet<ClientBase>();
  const slots = pLimit(maxConnections);
  // a connection that breaks is dropped by the pool; without listeners its error would end the process
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));

  async function onConnection<T>(work: (run: RunQuery) => Promise<T>, stop: AbortSignal): Promise<T> {
    stop.throwIfAborted();
    const client = await pool.connect();
    let isReleased = false;
    function release(isBroken: boolean): void {
      stop.removeEventListener('abort', drop);
      if (!isReleased) client.release(isBroken);
      isReleased = true;
    }
    function drop(): void {
      release(true);
    }
    stop.addEventListener('abort', drop, { once: true });
    try {
      stop.throwIfAborted();
      if (!ready.has(client)) await client.query(SESSION);
      ready.add(client);
      const result = await work(async (text, values = []) => {
        const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
        return rows;
      });
      release(false);
      return result;
    } catch (error) {
      release(true);
      throw error;
    }
  }

  async function session<T>(
    work: (run: RunQuery) => Promise<T>,
    signal: AbortSignal,
    timeMs = CALL_MS,
  ): Promise<T> {
    if (slots.pendingCount >= MAX_WAITING) throw unavailable(server, 'too many calls wait for it; try again');
    const limit = AbortSignal.timeout(timeMs);
    const stop = AbortSignal.any([signal, limit]);
    try {
      const call = slots(() => onConnection(work, stop));
      return await orAborted(call, stop, `asking the store ${placeOf(server)}`);
    } catch (error) {
      if (limit.aborted && !signal.aborted)
        throw unavailable(server, `no answer within ${timeMs} ms; look at its load and the network`, error);
      throw storeError(error, server);
    }
  }

  return {
    server,
    session,
    query: (text, values, signal) => session((run) => run(text, values), signal),
    close: () => pool.end(),
  };
}
