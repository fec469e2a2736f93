import { createPrivateKey } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority } from '../../../src/http/tls.ts';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { goTool } from './install.ts';
import { freePorts, untilHealthy, type Restartable } from './start.ts';

const DAY_MS = 86_400_000;
const PASSPHRASE = 'test';

export interface StartedFulcio extends Restartable, AsyncDisposable {
  readonly url: string;
  /** Certificates issued since the last start, by its own metrics. */
  issued(): Promise<number>;
  output(): string;
}

export interface FulcioIssuer {
  readonly url: string;
  readonly type: 'kubernetes' | 'email';
}

/** Fulcio on loopback with a CA of its own and no CT log; tokens are for the audience `sigstore`. */
export async function startFulcio(folder: string, issuers: readonly FulcioIssuer[]): Promise<StartedFulcio> {
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  await mkdir(folder, { recursive: true });
  const files = await writeFiles(folder, issuers);
  const socket = join(folder, 'grpc.sock');
  const args = [
    'serve',
    '--ca=fileca',
    `--fileca-cert=${files.certificate}`,
    `--fileca-key=${files.key}`,
    `--fileca-key-passwd=${PASSPHRASE}`,
    '--fileca-watch=false',
    '--ct-log-url=',
    '--host=127.0.0.1',
    `--port=${http}`,
    '--grpc-host=127.0.0.1',
    `--grpc-port=${grpc}`,
    `--metrics-port=${metrics}`,
    `--config-path=${files.config}`,
    // the default is one name for the whole machine
    `--legacy-unix-domain-socket=${socket}`,
  ];
  const url = `http://127.0.0.1:${http}`;
  let process: RunningProcess;
  async function start(): Promise<void> {
    // a killed one leaves it behind
    await rm(socket, { force: true });
    process = startProcess(goTool('fulcio'), args);
    await untilHealthy(`${url}/healthz`, process);
  }
  await start();
  return {
    url,
    start,
    output: () => process.output(),
    async issued() {
      const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
      return Number(/^fulcio_new_certs (\d+)$/m.exec(text)?.[1] ?? 0);
    },
    async kill() {
      await process.stop('SIGKILL');
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function writeFiles(folder: string, issuers: readonly FulcioIssuer[]) {
  const files = {
    certificate: join(folder, 'ca.crt'),
    key: join(folder, 'ca.key'),
    config: join(folder, 'fulcio.json'),
  };
  const authority = await makeAuthority({ lifetimeMs: DAY_MS, now: Date.now() });
  await writeFile(files.certificate, authority.cert);
  // it takes a key only in the encrypted form of RFC 1423
  const encryption = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const;
  const key = createPrivateKey(authority.key).export({ type: 'sec1', format: 'pem', ...encryption });
  await writeFile(files.key, key.toString(), { mode: 0o600 });
  const entries = issuers.map(({ url, type }): [string, object] => [
    url,
    { IssuerURL: url, ClientID: 'sigstore', Type: type },
  ]);
  await writeFile(files.config, JSON.stringify({ OIDCIssuers: Object.fromEntries(entries) }));
  return files;
}
