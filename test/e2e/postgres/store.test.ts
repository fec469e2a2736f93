import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordStore, StoredRecord } from '../../../src/protocol/ports.ts';
import { followerContract } from '../../contract/store/follower-suite.ts';
import { stateContract } from '../../contract/store/state-suite.ts';
import { storeContract } from '../../contract/store/suite.ts';
import { digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { startPostgres, type StartedPostgres } from '../stack/postgres.ts';
import { NEVER, openAt } from './open.ts';
import { startChild, type StoreChild } from './start-child.ts';

let postgres: StartedPostgres;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

async function freshDatabase(): Promise<{ readonly name: string; readonly url: string }> {
  const name = `db${++databases}`;
  return { name, url: await postgres.createDatabase(name) };
}

/** Two instances on a database of their own. */
async function openTwo() {
  const { url } = await freshDatabase();
  const [first, second] = await Promise.all([openAt(url), openAt(url)]);
  return {
    first,
    second,
    async [Symbol.asyncDispose]() {
      await Promise.all([first.close(), second.close()]);
    },
  };
}

storeContract('postgres', async () => {
  const two = await openTwo();
  return { ...two, store: two.first.store, again: () => two.second.store };
});

stateContract('postgres', async () => {
  const two = await openTwo();
  return { ...two, state: two.first.state, again: () => two.second.state };
});

followerContract('postgres', async () => {
  const two = await openTwo();
  return { ...two, store: two.first.store, follower: two.first.follower, other: two.second.store };
});

async function listed(store: RecordStore) {
  const found = [];
  for await (const stored of store.list(NEVER)) found.push(stored);
  return found;
}

describe('the rows', () => {
  it('hold the very text of the record, and columns for people', async () => {
    const { name, url } = await freshDatabase();
    const { store, close } = await openAt(url);
    const record = sampleRecord('docker.io/library/alpine:3.16', { generation: 2, digest: digestOfB });
    await store.reserve(record, NEVER);
    const rows = await postgres.sql(name, 'SELECT * FROM tagseal_records');
    expect(rows).toMatchObject([
      {
        name: `t-${record.claimId.slice(0, 40)}-2`,
        claim_id: record.claimId,
        generation: 2,
        version: 1,
        record: JSON.stringify(record),
        reference: record.reference,
        digest: record.digest,
        phase: 'Reserved',
      },
    ]);
    await close();
  });

  it('are written durably, whatever the default of the database is', async () => {
    const { name, url } = await freshDatabase();
    await postgres.sql('postgres', `ALTER DATABASE ${name} SET synchronous_commit = off`);
    await postgres.sql(
      'postgres',
      `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`,
    );
    const { store, close } = await openAt(url);
    await postgres.sql(
      name,
      `CREATE TABLE seen (setting text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO seen VALUES (current_setting('synchronous_commit')), (current_setting('transaction_isolation'));
       RETURN NEW; END $$; CREATE TRIGGER see BEFORE INSERT ON tagseal_records FOR EACH ROW EXECUTE FUNCTION see()`,
    );
    await store.reserve(sampleRecord(), NEVER);
    expect(await postgres.sql(name, 'SELECT setting FROM seen')).toEqual([
      { setting: 'on' },
      { setting: 'read committed' },
    ]);
    await close();
  });

  it('deny by name when they do not hold a record, and do not hide the others', async () => {
    const { name, url } = await freshDatabase();
    const { store, close } = await openAt(url);
    const references = ['a', 'b', 'c', 'd'].map((tag) => `docker.io/library/alpine:${tag}`);
    for (const reference of references) await store.reserve(sampleRecord(reference), NEVER);
    const texts = ['{', '{"reference":1}', JSON.stringify(sampleRecord('docker.io/library/other:1'))];
    for (const [i, text] of texts.entries()) {
      await postgres.sql(name, 'UPDATE tagseal_records SET record = $1 WHERE reference = $2', [
        text,
        references[i],
      ]);
      const { claimId } = sampleRecord(references[i]);
      const error = await store.find(claimId, NEVER).then(undefined, (thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'RECORD_INVALID',
        message: expect.stringContaining(`"t-${claimId.slice(0, 40)}"`),
      });
      expect(await codeOf(() => store.generations(claimId, NEVER))).toBe('RECORD_INVALID');
    }
    const found = await listed(store);
    expect(found.filter((stored) => 'error' in stored)).toHaveLength(3);
    expect(found.flatMap((stored) => ('record' in stored ? [stored.record.reference] : []))).toEqual([
      references[3],
    ]);
    await close();
  });

  it('are refused above 256 KiB, on the way in and on the way out', async () => {
    const { name, url } = await freshDatabase();
    const { store, close } = await openAt(url);
    const record = sampleRecord();
    const huge = { ...record, reservedAt: { origin: 'x'.repeat(262_144), treeSize: 7 } };
    expect(await codeOf(() => store.reserve(huge, NEVER))).toBe('RECORD_INVALID');
    await store.reserve(record, NEVER);
    await postgres.sql(name, 'ALTER TABLE tagseal_records DROP CONSTRAINT tagseal_records_record_check');
    await postgres.sql(name, `UPDATE tagseal_records SET record = record || repeat(' ', 262144)`);
    expect(await codeOf(() => store.find(record.claimId, NEVER))).toBe('RECORD_INVALID');
    await close();
  });
});

describe('a state document', () => {
  it('that somebody made too large is not fetched', async () => {
    const { name, url } = await freshDatabase();
    const { state, close } = await openAt(url);
    await postgres.sql(name, 'ALTER TABLE tagseal_state DROP CONSTRAINT tagseal_state_document_check');
    await postgres.sql(name, `INSERT INTO tagseal_state VALUES ('a', 1, repeat('x', 262145))`);
    expect(await codeOf(() => state.read('a', NEVER))).toBe('STORE_UNAVAILABLE');
    await close();
  });
});

describe('many records', () => {
  it('are listed in pages: 20,000 of 12 kB by a process that could not hold them', async () => {
    const { name, url } = await freshDatabase();
    const { close } = await openAt(url);
    await insertSamples(name, 20_000);
    await using child = await startChild(48);
    await child.ask({ kind: 'open', url });
    expect(await child.ask({ kind: 'list' })).toMatchObject({ count: 20_000, different: 20_000 });
    await close();
  });
});

/** Rows as `reserve` writes them, blown up with white space to the size of real ones. */
async function insertSamples(database: string, count: number): Promise<void> {
  const BATCH = 2_000;
  for (let from = 0; from < count; from += BATCH) {
    const records = Array.from({ length: BATCH }, (_, i) =>
      sampleRecord(`docker.io/library/alpine:${from + i}`),
    );
    await postgres.sql(
      database,
      `INSERT INTO tagseal_records (name, claim_id, generation, version, reference, digest, phase, record)
       SELECT 't-' || left(id, 40), id, 0, 1, 'r', 'd', 'Reserved', text || repeat(' ', 11000)
       FROM unnest($1::text[], $2::text[]) AS samples (id, text)`,
      [records.map(({ claimId }) => claimId), records.map((record) => JSON.stringify(record))],
    );
  }
}

describe('many generations', () => {
  it('are all given, although they come in pages', async () => {
    const { url } = await freshDatabase();
    const { store, close } = await openAt(url);
    const wanted = Array.from({ length: 201 }, (_, generation) => generation);
    await Promise.all(
      wanted.map((generation) => store.reserve(sampleRecord(undefined, { generation }), NEVER)),
    );
    const found = await store.generations(sampleRecord().claimId, NEVER);
    expect(found.map(({ record }) => record.generation)).toEqual(wanted);
    await close();
  });
});

describe('8 processes that reserve the same 100 tags at once', () => {
  it('get one winner for each, and everyone finds the record of the winner', async () => {
    const { url } = await freshDatabase();
    const references = Array.from({ length: 100 }, (_, i) => `docker.io/library/alpine:${i}`);
    const children = await Promise.all(Array.from({ length: 8 }, () => startChild()));
    await Promise.all(children.map((child) => child.ask({ kind: 'open', url })));
    const times = children.map((_, i) => new Date(i * 1000).toISOString());
    const outcomes = await Promise.all(
      children.map((child, i) => child.ask({ kind: 'reserve', references, firstSeen: times[i] ?? '' })),
    );
    const { store, close } = await openAt(url);
    for (const [i, reference] of references.entries()) {
      const won = outcomes.map((all) => (all as readonly string[])[i] === 'created');
      expect(won.filter(Boolean)).toHaveLength(1);
      const stored: StoredRecord | undefined = await store.find(sampleRecord(reference).claimId, NEVER);
      expect(stored?.record.firstSeen).toBe(times[won.indexOf(true)]);
    }
    await close();
    await closeAll(children);
  });
});

describe('4 processes that start on an empty database at once', () => {
  it('make its tables once, and all of them can use it', async () => {
    const { name, url } = await freshDatabase();
    const children = await Promise.all(Array.from({ length: 4 }, () => startChild()));
    const opened = await Promise.all(children.map((child) => child.ask({ kind: 'open', url })));
    expect(opened).toEqual(['open', 'open', 'open', 'open']);
    expect(await postgres.sql(name, 'SELECT version FROM tagseal_migrations')).toEqual([
      { version: 1 },
      { version: 2 },
    ]);
    await closeAll(children);
  });
});

async function closeAll(children: readonly StoreChild[]): Promise<void> {
  await Promise.all(children.map((child) => child[Symbol.asyncDispose]()));
}

describe('the tables', () => {
  it('of a newer program are refused', async () => {
    const { name, url } = await freshDatabase();
    await (await openAt(url)).close();
    await postgres.sql(name, 'INSERT INTO tagseal_migrations (version) VALUES (1000)');
    const error = await openAt(url).then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('version 1000'),
    });
  });

  it('of an older program are brought up to date, and keep their rows', async () => {
    const { name, url } = await freshDatabase();
    const before = await openAt(url);
    await before.store.reserve(sampleRecord(), NEVER);
    await before.close();
    await postgres.sql(name, 'DROP TABLE tagseal_state; DELETE FROM tagseal_migrations WHERE version = 2');
    const { store, state, close } = await openAt(url);
    expect((await store.find(sampleRecord().claimId, NEVER))?.record).toEqual(sampleRecord());
    expect(await state.write('a', { text: 'b', version: undefined }, NEVER)).toBe('written');
    await close();
  });

  it('can be used by a user who may not make any', async () => {
    const { name, url } = await freshDatabase();
    await (await openAt(url)).close();
    await postgres.sql(
      name,
      `CREATE ROLE guest LOGIN PASSWORD 'guest'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
       GRANT SELECT, INSERT, UPDATE ON tagseal_records, tagseal_state TO guest; GRANT SELECT ON tagseal_migrations TO guest`,
    );
    const { store, state, close } = await openAt(`postgres://guest:guest@127.0.0.1:${postgres.port}/${name}`);
    expect(await store.reserve(sampleRecord(), NEVER)).toBe('created');
    expect(await state.write('a', { text: 'b', version: undefined }, NEVER)).toBe('written');
    await close();
  });
});

describe('a call whose asker has gone', () => {
  it('rejects at once, and the server stops the statement', async () => {
    const { name, url } = await freshDatabase();
    const { store, close } = await openAt(url);
    const holder = postgres.sql(
      name,
      `BEGIN; LOCK TABLE tagseal_records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT`,
    );
    await until(
      name,
      `SELECT 1 FROM pg_locks WHERE relation = 'tagseal_records'::regclass AND mode = 'AccessExclusiveLock' AND granted`,
      1,
    );
    const gone = new AbortController();
    const asked = codeOf(() => store.find(sampleRecord().claimId, gone.signal));
    await until(name, OURS, 1);
    gone.abort();
    expect(await asked).toBe('DEADLINE_EXCEEDED');
    // before the lock is free and before statement_timeout
    await until(name, OURS, 0);
    const [held] = await postgres.sql(
      name,
      `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = $1 AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`,
      [name],
    );
    expect(held).toEqual({ n: 1 });
    await holder;
    await close();
  });
});

/** Statements of the store that wait or work. */
const OURS = `SELECT 1 FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'tagseal' AND state = 'active'`;

/** Asks until the answer has so many rows; the test fails by its time limit otherwise. */
async function until(database: string, text: string, count: number): Promise<void> {
  for (let rows = -1; rows !== count;) rows = (await postgres.sql(database, text)).length;
}
