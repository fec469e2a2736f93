import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { goTool } from './install.ts';
import { untilHealthy, type Restartable } from './start.ts';

const EC_P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export interface StartedTimestampServer extends Restartable, AsyncDisposable {
  /** Address without a path. */
  readonly url: string;
  /** The chain, leaf first, PEM. */
  readonly chainFile: string;
}

/** Sigstore's timestamp authority with a key and a chain of its own. */
export async function startTimestampServer(folder: string): Promise<StartedTimestampServer> {
  await mkdir(folder, { recursive: true });
  const { chainFile, keyFile } = await writeChain(folder);
  const socket = join(folder, 'tsa.sock');
  // its metrics port is hard-coded and it ends when that is taken: so it gets a network of its own, and is
  // reached by a socket file
  const unshare = process.getuid?.() === 0 ? ['--net'] : ['--map-root-user', '--net'];
  const args = [
    ...unshare,
    goTool('timestampServer'),
    'serve',
    '--scheme=unix',
    `--socket-path=${socket}`,
    '--timestamp-signer=file',
    `--file-signer-key-path=${keyFile}`,
    `--certificate-chain-path=${chainFile}`,
    '--disable-ntp-monitoring',
  ];
  const forwarder = await forwardTo(socket);
  let server: RunningProcess;
  async function start(): Promise<void> {
    // a killed one leaves it behind
    await rm(socket, { force: true });
    server = startProcess('unshare', args);
    await untilHealthy(`${forwarder.url}/ping`, server);
  }
  await start();
  return {
    url: forwarder.url,
    chainFile,
    start,
    async kill() {
      await server.stop('SIGKILL');
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await forwarder[Symbol.asyncDispose]();
    },
  };
}

/** A port on loopback whose connections go to a socket file. */
async function forwardTo(path: string): Promise<AsyncDisposable & { readonly url: string }> {
  const live = new Set<() => void>();
  const server = createServer((near) => {
    const far = connect(path);
    const end = (): void => {
      near.destroy();
      far.destroy();
      live.delete(end);
    };
    live.add(end);
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const end of live) end();
      await once(server, 'close');
    },
  };
}

async function writeChain(folder: string) {
  const notBefore = new Date(Date.now() - 10 * MINUTE_MS);
  const validity = { notBefore, notAfter: new Date(Date.now() + DAY_MS), signingAlgorithm: SIGNING };
  const rootKeys = await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: '01',
    name: 'CN=TSA root',
    keys: rootKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const keys = await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify']);
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: '02',
    subject: 'CN=TSA',
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // alone and critical: RFC 3161 section 2.3
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.timeStamping], true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root, false),
    ],
  });
  const chainFile = join(folder, 'chain.pem');
  const keyFile = join(folder, 'tsa.key');
  await writeFile(chainFile, `${leaf.toString('pem')}\n${root.toString('pem')}\n`);
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  await writeFile(keyFile, key, { mode: 0o600 });
  return { chainFile, keyFile };
}
