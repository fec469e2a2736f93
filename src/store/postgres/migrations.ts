import type { Database, Row, RunQuery } from './pool.ts';
import { unavailable } from './store-error.ts';

/**
 * Version n is the nth of these; never change one that was released, add another. `record` is the exact text that the
 * store was given, and the columns after it are for people. `created_in` lets followers ask for what is new.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE tagseal_records (
    name text COLLATE "C" PRIMARY KEY,
    claim_id text COLLATE "C" NOT NULL,
    generation integer NOT NULL CHECK (generation >= 0),
    version integer NOT NULL,
    record text NOT NULL CHECK (octet_length(record) <= 262144),
    reference text NOT NULL,
    digest text NOT NULL,
    phase text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (claim_id, generation)
  );
  CREATE INDEX tagseal_records_newer ON tagseal_records (created_in, name) WHERE generation > 0;`,
  `CREATE TABLE tagseal_state (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    document text NOT NULL CHECK (octet_length(document) <= 262144),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );`,
];

/** Any number that no other program in the database uses. */
const LOCK = 7_458_203_116;
/** A migration of a large table may take long. */
const MIGRATION_MS = 120_000;

/**
 * Brings the tables to this program's version, once, however many processes start. A user without the right to create
 * tables can use tables that are there. Throws STORE_UNAVAILABLE, also where a newer program has been.
 */
export async function migrate(database: Database, signal: AbortSignal): Promise<void> {
  const isCurrent = await database.session((run) => isAtVersion(run, database), signal);
  if (isCurrent) return;
  await database.session((run) => migrateLocked(run, database), signal, MIGRATION_MS);
}

async function migrateLocked(run: RunQuery, database: Database): Promise<void> {
  await run('BEGIN');
  await run(`SET LOCAL statement_timeout = ${MIGRATION_MS}`);
  await run('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  await run(
    'CREATE TABLE IF NOT EXISTS tagseal_migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  );
  const done = await versionOf(run, database);
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < done) continue;
    await run(statements);
    await run('INSERT INTO tagseal_migrations (version) VALUES ($1)', [index + 1]);
  }
  // a failure on the way closes the connection, and with it the transaction
  await run('COMMIT');
}

async function isAtVersion(run: RunQuery, database: Database): Promise<boolean> {
  const [row] = await run(`SELECT to_regclass('tagseal_migrations') IS NOT NULL AS found`);
  return row?.['found'] === true && (await versionOf(run, database)) === MIGRATIONS.length;
}

async function versionOf(run: RunQuery, { server }: Database): Promise<number> {
  const [row] = await run('SELECT coalesce(max(version), 0) AS version FROM tagseal_migrations');
  const version = numberOf(row);
  if (version <= MIGRATIONS.length) return version;
  throw unavailable(
    server,
    `its tables are of version ${version} and this program knows ${MIGRATIONS.length}; use a newer tagseal`,
  );
}

function numberOf(row: Row | undefined): number {
  return Number(row?.['version'] ?? 0);
}
