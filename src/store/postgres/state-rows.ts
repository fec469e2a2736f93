import type { StateStore } from '../../protocol/ports.ts';
import { checkStateDocument, checkStateName, MAX_STATE_BYTES } from '../../protocol/state-document.ts';
import type { Database } from './pool.ts';
import { unavailable } from './store-error.ts';

const READ = `SELECT version::text, CASE WHEN octet_length(document) <= ${MAX_STATE_BYTES} THEN document END AS document
  FROM tagseal_state WHERE name = $1`;
const CREATE =
  'INSERT INTO tagseal_state (name, version, document) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING RETURNING version';
const UPDATE = `UPDATE tagseal_state SET version = version + 1, document = $2, updated_at = clock_timestamp()
  WHERE name = $1 AND version::text = $3 RETURNING version`;

/** Documents as rows of one table. */
export function makePostgresState(database: Database): StateStore {
  return {
    async read(name, signal) {
      checkStateName(name);
      const [row] = await database.query(READ, [name], signal);
      if (row === undefined) return undefined;
      const { document: text, version } = row;
      if (typeof text === 'string') return { text, version: String(version) };
      throw unavailable(
        database.server,
        `the row ${name} of tagseal_state has more than ${MAX_STATE_BYTES} bytes; delete it`,
      );
    },

    async write(name, { text, version }, signal) {
      checkStateDocument(name, text);
      const rows =
        version === undefined
          ? await database.query(CREATE, [name, text], signal)
          : await database.query(UPDATE, [name, text, version], signal);
      return rows.length > 0 ? 'written' : 'conflict';
    },
  };
}
