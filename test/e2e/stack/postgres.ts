import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { runProcess, startProcess, type RunningProcess } from '../../support/start-process.ts';
import { onPath } from './install.ts';
import { freePorts } from './start.ts';

const USER = 'tagseal';
/** Holds what must be percent-encoded in a URL. */
export const PASSWORD = 's3cret/with@every#thing?';
const DAY_MS = 86_400_000;

export interface StartedPostgres extends AsyncDisposable {
  readonly port: number;
  /** Folder of the Unix socket. */
  readonly sockets: string;
  /** Authority of the server's certificate for 127.0.0.1. */
  readonly caFile: string;
  /** Makes an empty database. The one named tls_only is reached by TLS only. */
  createDatabase(name: string): Promise<string>;
  url(database: string): string;
  /** Runs statements as the superuser. */
  sql(
    database: string,
    text: string,
    values?: readonly unknown[],
  ): Promise<readonly Record<string, unknown>[]>;
  /** kill -9 to the server and each process of it, in the middle of whatever they do. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A private PostgreSQL of Debian with a cluster of its own, on loopback and a socket; fsync is on. */
export async function startPostgres(): Promise<StartedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'tagseal-pg-'));
  const owner = await ownerOf();
  const data = join(folder, 'data');
  const [port = 0] = await freePorts(1);
  await writeFile(join(folder, 'password'), PASSWORD);
  await writeCertificates(folder);
  if (owner !== undefined) await handOver(folder, owner);
  const init = await runProcess(
    ...as(owner, 'initdb', [
      ...['-D', data, '-U', USER, '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ]),
    { cwd: folder },
  );
  if (init.code !== 0) throw new Error(`initdb failed:\n${init.stdout}${init.stderr}`);
  await writeFile(
    join(data, 'pg_hba.conf'),
    [
      'local all all scram-sha-256',
      'hostnossl tls_only all all reject',
      'host all all 127.0.0.1/32 scram-sha-256',
    ].join('\n'),
  );

  let server: RunningProcess;
  async function start(): Promise<void> {
    const settings = [
      ...['ssl=on', `ssl_cert_file=${folder}/server.crt`, `ssl_key_file=${folder}/server.key`],
      ...['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'shared_buffers=32MB'],
    ];
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    server = startProcess(...as(owner, 'postgres', args), { cwd: folder });
    await server.waitFor(/database system is ready to accept connections/);
  }
  await start();

  const url = (database: string) =>
    `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;
  const sql: StartedPostgres['sql'] = async (database, text, values) => {
    const client = new Client({ host: '127.0.0.1', port, user: USER, password: PASSWORD, database });
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, values && [...values]);
      return rows;
    } finally {
      await client.end();
    }
  };

  return {
    port,
    sockets: folder,
    caFile: join(folder, 'ca.crt'),
    url,
    sql,
    start,
    async createDatabase(name) {
      await sql('postgres', `CREATE DATABASE ${name}`);
      return url(name);
    },
    async kill() {
      const children = await childrenOf(server.pid);
      for (const pid of [server.pid, ...children]) kill(pid);
      await server.exited;
    },
    async [Symbol.asyncDispose]() {
      // fast shutdown: connections are broken off, and every child has ended when it has
      await server.stop('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; then it runs as the user that its package made. */
async function ownerOf(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => runProcess('id', [flag, 'postgres'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

async function handOver(folder: string, { uid, gid }: Owner): Promise<void> {
  for (const name of await readdir(folder)) await chown(join(folder, name), uid, gid);
  await chown(folder, uid, gid);
}

function as(owner: Owner | undefined, program: string, args: readonly string[]): [string, readonly string[]] {
  const path = onPath(program);
  if (path === undefined) throw new Error(`there is no ${program}; run the suite by npm run test:e2e`);
  if (owner === undefined) return [path, args];
  return ['setpriv', [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', '--', path, ...args]];
}

async function writeCertificates(folder: string): Promise<void> {
  const now = Date.now();
  const authority = await makeAuthority({ lifetimeMs: DAY_MS, now });
  const leaf = await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: DAY_MS, now });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'ca.crt'), authority.cert);
  await writeFile(join(folder, 'server.crt'), leaf.cert);
  await writeFile(join(folder, 'server.key'), leaf.key);
  await chmod(join(folder, 'server.key'), 0o600);
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // pid (name) state ppid: the name may hold anything
      return { pid, ppid: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) };
    }),
  );
  return parents.filter(({ ppid }) => ppid === parent).map(({ pid }) => pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended with its parent
  }
}
