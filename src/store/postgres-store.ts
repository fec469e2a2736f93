import type { TagRecord } from '../ledger/record.ts';
import { recordName } from '../ledger/tag-record.ts';
import type { Logger } from '../observe/log.ts';
import type { RecordStore, StoredRecord } from '../protocol/ports.ts';
import type { OpenedStore } from './opened-store.ts';
import { makeFollower, NEWER_CHANNEL } from './postgres/follow.ts';
import { migrate } from './postgres/migrations.ts';
import { makeDatabase, type Database } from './postgres/pool.ts';
import { nameOf, RECORD_COLUMNS, recordText, storedRecord } from './postgres/row.ts';
import type { PostgresServer } from './postgres/server.ts';
import { makePostgresState } from './postgres/state-rows.ts';

/** Records come whole, so that a page of the largest takes some 25 MB and a usual one 1 MB. */
const PAGE = 100;

const FIND = `SELECT ${RECORD_COLUMNS} FROM tagseal_records WHERE claim_id = $1 ORDER BY generation DESC LIMIT 1`;
const GENERATIONS = `SELECT ${RECORD_COLUMNS}, generation FROM tagseal_records
  WHERE claim_id = $1 AND generation > $2 ORDER BY generation LIMIT ${PAGE}`;
const LIST = `SELECT ${RECORD_COLUMNS} FROM tagseal_records WHERE name > $1 ORDER BY name LIMIT ${PAGE}`;
const RESERVE = `
  WITH created AS (
    INSERT INTO tagseal_records (name, claim_id, generation, version, reference, digest, phase, record)
    VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING RETURNING claim_id, generation)
  SELECT CASE WHEN generation > 0 THEN pg_notify('${NEWER_CHANNEL}', claim_id || ' ' || generation)::text END
  FROM created`;
const UPDATE = `
  UPDATE tagseal_records SET version = version + 1, phase = $3, record = $4, updated_at = clock_timestamp()
  WHERE name = $1 AND version = $2 RETURNING version`;

export interface PostgresStoreParts {
  readonly server: PostgresServer;
  readonly maxConnections: number;
  readonly logger: Logger;
}

/** Connects once and brings the tables up to date. Throws STORE_UNAVAILABLE, DEADLINE_EXCEEDED. */
export async function openPostgresStore(
  { server, maxConnections, logger }: PostgresStoreParts,
  signal: AbortSignal,
): Promise<OpenedStore> {
  const database = makeDatabase(server, maxConnections);
  try {
    await migrate(database, signal);
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    store: makePostgresStore(database),
    state: makePostgresState(database),
    follower: makeFollower({ database, logger }),
    close: () => database.close(),
  };
}

/** Records as rows of one table. A create is one INSERT, an update one conditional UPDATE; each commits by itself. */
export function makePostgresStore(database: Database): RecordStore {
  return {
    async find(claimId, signal) {
      const [row] = await database.query(FIND, [claimId], signal);
      return row && storedRecord(row);
    },

    async generations(claimId, signal) {
      const found: StoredRecord[] = [];
      for (let after = -1, isLast = false; !isLast;) {
        const rows = await database.query(GENERATIONS, [claimId, after], signal);
        found.push(...rows.map(storedRecord));
        after = Number(rows.at(-1)?.['generation']);
        isLast = rows.length < PAGE;
      }
      return found;
    },

    async reserve(record, signal) {
      const { claimId, generation, reference, digest, phase } = record;
      const values = [nameFor(record), claimId, generation, reference, digest, phase, recordText(record)];
      const created = await database.query(RESERVE, values, signal);
      return created.length > 0 ? 'created' : 'exists';
    },

    async update(record, version, signal) {
      const values = [nameFor(record), Number(version), record.phase, recordText(record)];
      const updated = await database.query(UPDATE, values, signal);
      return updated.length > 0 ? 'updated' : 'conflict';
    },

    async *list(signal) {
      for (let after = '', isLast = false; !isLast;) {
        const rows = await database.query(LIST, [after], signal);
        for (const row of rows) {
          after = nameOf(row);
          yield readable(row, after);
        }
        isLast = rows.length < PAGE;
      }
    },
  };
}

function readable(row: Parameters<typeof storedRecord>[0], name: string) {
  try {
    return storedRecord(row);
  } catch (error) {
    return { name, error };
  }
}

function nameFor({ claimId, generation }: TagRecord): string {
  return recordName(claimId, generation);
}
