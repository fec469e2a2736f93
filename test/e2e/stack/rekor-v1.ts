import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess, startProcess, type RunningProcess } from '../../support/start-process.ts';
import { goModule, goTool, onPath } from './install.ts';
import { freePorts, untilHealthy, type Restartable } from './start.ts';

export interface StartedRekorV1 extends Restartable, AsyncDisposable {
  readonly url: string;
  /** Name in its checkpoints, followed there by ` - <tree ID>`. */
  readonly origin: string;
  readonly publicKeyFile: string;
}

/**
 * A private Rekor v1 on loopback: MariaDB, Trillian's log server and signer, Redis for the search index, Rekor itself.
 * All data under `folder`; everything ends with the handle. `kill` takes Rekor and Trillian, the data bases stay.
 */
export async function startRekorV1(folder: string): Promise<StartedRekorV1> {
  const started = new AsyncDisposableStack();
  try {
    const rekor = await startAll(folder, started);
    return { ...rekor, [Symbol.asyncDispose]: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function startAll(
  folder: string,
  started: AsyncDisposableStack,
): Promise<Omit<StartedRekorV1, keyof AsyncDisposable>> {
  await mkdir(folder, { recursive: true });
  const ports = await freePorts(7);
  const [db = 0, redis = 0, logRpc = 0, logHttp = 0, signerRpc = 0, signerHttp = 0, http = 0] = ports;
  await startDatabase(folder, db, started);
  const cache = started.use(
    startProcess(onPath('redis-server') ?? 'redis-server', [
      ...['--port', String(redis), '--bind', '127.0.0.1'],
      ...['--save', '', '--dir', folder],
    ]),
  );
  await cache.waitFor(/Ready to accept connections/);
  const keys = await writeKeys(folder);
  const trillian = [
    '--quota_system=noop',
    '--storage_system=mysql',
    `--mysql_uri=t:t@tcp(127.0.0.1:${db})/trillian?parseTime=true&interpolateParams=true`,
  ];
  const logServer = [`--rpc_endpoint=127.0.0.1:${logRpc}`, `--http_endpoint=127.0.0.1:${logHttp}`];
  const logSigner = [`--rpc_endpoint=127.0.0.1:${signerRpc}`, `--http_endpoint=127.0.0.1:${signerHttp}`];
  const rekor = [
    'serve',
    '--rekor_server.address=127.0.0.1',
    `--port=${http}`,
    '--rekor_server.hostname=rekor-v1.local',
    `--rekor_server.signer=${keys.privateKeyFile}`,
    '--trillian_log_server.address=127.0.0.1',
    `--trillian_log_server.port=${logRpc}`,
    '--search_index.storage_provider=redis',
    '--redis_server.address=127.0.0.1',
    `--redis_server.port=${redis}`,
  ];
  const url = `http://127.0.0.1:${http}`;
  let tree: readonly string[] = [];
  let running: readonly RunningProcess[] = [];

  async function start(): Promise<void> {
    const server = startProcess(goTool('trillianLogServer'), [...trillian, ...logServer]);
    const signer = startProcess(goTool('trillianLogSigner'), [...trillian, '--force_master', ...logSigner]);
    running = [server, signer];
    await untilHealthy(`http://127.0.0.1:${logHttp}/healthz`, server);
    const process = startProcess(goTool('rekorV1'), [...rekor, ...tree]);
    running = [...running, process];
    await untilHealthy(`${url}/api/v1/log`, process);
    // without it every start makes another tree
    tree = [`--trillian_log_server.tlog_id=${await treeIdOf(url)}`];
  }
  async function kill(): Promise<void> {
    await Promise.all(running.map((process) => process.stop('SIGKILL')));
  }
  started.defer(kill);
  await start();
  return { url, origin: 'rekor-v1.local', publicKeyFile: keys.publicKeyFile, start, kill };
}

async function treeIdOf(url: string): Promise<string> {
  const { treeID } = (await (await fetch(`${url}/api/v1/log`)).json()) as { readonly treeID: string };
  return treeID;
}

async function startDatabase(folder: string, port: number, started: AsyncDisposableStack): Promise<void> {
  const data = join(folder, 'db');
  const socket = join(folder, 'db.sock');
  const made = await runProcess(onPath('mariadb-install-db') ?? 'mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--user=root',
    '--skip-test-db',
  ]);
  if (made.code !== 0) throw new Error(`mariadb-install-db failed:\n${made.stdout}${made.stderr}`);
  const server = started.use(
    startProcess(onPath('mariadbd') ?? 'mariadbd', [
      '--no-defaults',
      '--user=root',
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
    ]),
  );
  await server.waitFor(/ready for connections/);
  const schema = await readFile(
    join(await goModule('trillianLogServer'), 'storage/mysql/schema/storage.sql'),
    'utf8',
  );
  const sql = [
    'CREATE DATABASE trillian;',
    "CREATE USER 't'@'%' IDENTIFIED BY 't'; GRANT ALL ON trillian.* TO 't'@'%';",
    'USE trillian;',
    schema,
  ].join('\n');
  const client = onPath('mariadb') ?? 'mariadb';
  const done = await runProcess(client, ['--no-defaults', `--socket=${socket}`, '-uroot'], { input: sql });
  if (done.code !== 0) throw new Error(`cannot make Trillian's tables:\n${done.stderr}`);
}

async function writeKeys(folder: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyFile = join(folder, 'rekor.pem');
  const publicKeyFile = join(folder, 'rekor.pub');
  await writeFile(privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await chmod(privateKeyFile, 0o600);
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateKeyFile, publicKeyFile };
}
