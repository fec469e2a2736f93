import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parsePostgresUrl } from '../../../src/config/postgres-url.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { RecordPhase } from '../../../src/ledger/record.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import { makeAuthority } from '../../../src/http/tls.ts';
import { makeFollower } from '../../../src/store/postgres/follow.ts';
import { makeDatabase } from '../../../src/store/postgres/pool.ts';
import { startFollowing } from '../../contract/store/follower-suite.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';
import { freePorts } from '../stack/start.ts';
import { PASSWORD, startPostgres, type StartedPostgres } from '../stack/postgres.ts';
import { NEVER, openAt, type HowToOpen } from './open.ts';

let postgres: StartedPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

/** What opening says, when it fails. */
async function refusal(url: string, how?: HowToOpen): Promise<string> {
  try {
    await (await openAt(url, how)).close();
    return 'opened';
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('a server that cannot be used is named in one line without the password', () => {
  const expectLine = (line: string, why: RegExp) => {
    expect(line).toMatch(why);
    expect(line).toMatch(/^STORE_UNAVAILABLE: cannot use the store "postgres:\/\/[^"]*": /);
    expect(line).not.toContain('\n');
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 's3cret', 'wr0ng'])
      expect(line).not.toContain(secret);
  };

  it('when the password is wrong', async () => {
    const url = postgres.url('postgres').replace(encodeURIComponent(PASSWORD), 'wr0ng');
    expectLine(await refusal(url), /it refused user or password/);
  });

  it('when the password is missing', async () => {
    const url = postgres.url('postgres').replace(`:${encodeURIComponent(PASSWORD)}`, '');
    expectLine(await refusal(url), /store\.url has none/);
  });

  it('when nobody listens', async () => {
    const [port = 0] = await freePorts(1);
    const url = postgres.url('postgres').replace(`:${postgres.port}/`, `:${port}/`);
    expectLine(await refusal(url), /it refused the connection/);
  });

  it('when the host has no address', async () => {
    const url = postgres.url('postgres').replace('127.0.0.1', 'nobody.invalid');
    expectLine(await refusal(url), /the host name has no address|the DNS does not answer/);
  });

  it('when the database does not exist', async () => {
    expectLine(await refusal(postgres.url('none')), /it has no such database/);
  });

  it('when its certificate is by another authority', async () => {
    const { cert } = await makeAuthority({ lifetimeMs: 3_600_000, now: Date.now() });
    const url = `${postgres.url('postgres')}?sslmode=verify-full`;
    expectLine(await refusal(url, { ca: cert }), /its certificate is .*store\.caFile/);
    expectLine(await refusal(url), /its certificate is .*store\.caFile/);
  });

  it('when its certificate is for another name', async () => {
    const ca = await readFile(postgres.caFile, 'utf8');
    const url = `${postgres.url('postgres')}?sslmode=verify-full`.replace('127.0.0.1', 'localhost');
    expectLine(await refusal(url, { ca }), /its certificate is for another name/);
    expect(await refusal(url.replace('verify-full', 'verify-ca'), { ca })).toBe('opened');
  });

  it('when it demands TLS and the url says not to use it', async () => {
    const url = await postgres.createDatabase('tls_only');
    expectLine(await refusal(url), /pg_hba\.conf/);
    const ca = await readFile(postgres.caFile, 'utf8');
    expect(await refusal(url, { ca })).toBe('opened');
  });
});

describe('a Unix socket', () => {
  it('is a percent-encoded host', async () => {
    const url = postgres
      .url('postgres')
      .replace(`127.0.0.1:${postgres.port}`, `${encodeURIComponent(postgres.sockets)}:${postgres.port}`);
    expect(await refusal(url)).toBe('opened');
  });
});

/** Writes until `stopped`, and remembers what the store acknowledged. */
function startWriting(store: RecordStore, lanes: number) {
  const acknowledged = new Map<string, RecordPhase>();
  const errors: unknown[] = [];
  let isStopped = false;

  async function lane(id: number): Promise<void> {
    for (let i = 0; !isStopped; i++) {
      const record = sampleRecord(`docker.io/library/lane-${id}:${i}`);
      try {
        await store.reserve(record, NEVER);
        acknowledged.set(record.reference, 'Reserved');
        const outcome = await store.update({ ...record, phase: 'Lost' }, '1', NEVER);
        if (outcome === 'updated') acknowledged.set(record.reference, 'Lost');
      } catch (error) {
        errors.push(error);
        await pause(20);
      }
    }
  }

  const done = Promise.all(Array.from({ length: lanes }, (_, id) => lane(id)));
  return {
    acknowledged,
    errors,
    async untilAcknowledged(count: number): Promise<void> {
      while (acknowledged.size < count) await pause(10);
    },
    async stop(): Promise<void> {
      isStopped = true;
      await done;
    },
  };
}

describe('a server that is killed in the middle of writes and started again', () => {
  it('holds every acknowledged write, and the store goes on by itself', async () => {
    const { store, close } = await openAt(await postgres.createDatabase('killed'));
    const writing = startWriting(store, 8);
    for (let round = 0; round < 3; round++) {
      await writing.untilAcknowledged(writing.acknowledged.size + 200);
      await postgres.kill();
      await postgres.start();
    }
    await writing.untilAcknowledged(writing.acknowledged.size + 200);
    await writing.stop();

    expect(writing.errors.length).toBeGreaterThan(0);
    const codes = writing.errors.map((error) => (error instanceof AppError ? error.code : String(error)));
    expect(new Set(codes)).toEqual(new Set(['STORE_UNAVAILABLE']));
    for (const [reference, phase] of writing.acknowledged) {
      const stored = await store.find(sampleRecord(reference).claimId, NEVER);
      // an update that was not acknowledged may have been done
      expect(phase === 'Lost' ? ['Lost'] : ['Reserved', 'Lost']).toContain(stored?.record.phase);
    }
    await close();
  });
});

describe('following newer generations', () => {
  it('tells those that are there and each that comes, also after the server was away', async () => {
    const url = await postgres.createDatabase('followed');
    const [writer, reader] = [await openAt(url), await openAt(url)];
    const reserve = (generation: number) =>
      writer.store.reserve(sampleRecord(undefined, { generation }), NEVER);
    const { claimId } = sampleRecord();
    await reserve(0);
    await reserve(1);
    const following = startFollowing(reader.follower);
    await following.untilTold(`${claimId} 1`);
    await reserve(2);
    await following.untilTold(`${claimId} 2`);
    await postgres.kill();
    await postgres.start();
    await reserve(3);
    await following.untilTold(`${claimId} 3`);
    expect([...new Set(following.told)].toSorted()).toEqual(
      [1, 2, 3].map((generation) => `${claimId} ${generation}`),
    );
    await following.stop();
    await Promise.all([writer.close(), reader.close()]);
  });

  it('needs no LISTEN: what came is found by asking', async () => {
    const url = await postgres.createDatabase('polled');
    const { store, close } = await openAt(url);
    const database = makeDatabase(parsePostgresUrl(url, { hasCa: false }), 2);
    const { promise: told, resolve } = Promise.withResolvers<number>();
    const life = new AbortController();
    const deaf = { ...database, server: { ...database.server, port: 1 } };
    const following = makeFollower({ database: deaf, logger: SILENT, pollMs: 50 }).follow(
      (_claim, generation) => resolve(generation),
      life.signal,
    );
    await store.reserve(sampleRecord(undefined, { generation: 7 }), NEVER);
    expect(await told).toBe(7);
    life.abort();
    await following;
    await Promise.all([close(), database.close()]);
  });
});
