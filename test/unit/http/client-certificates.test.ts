import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import https from 'node:https';
import * as x509 from '@peculiar/x509';
import { afterEach, describe, expect, it } from '@jest/globals';
import { sendJson } from '../../../src/http/json.ts';
import { startServer, type RunningServer } from '../../../src/http/server.ts';
import { issueLeaf, makeAuthority, type CertificatePair } from '../../../src/http/tls.ts';

const DAY_MS = 86_400_000;
const now = Date.now();
const running: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop(0)));
});

/** A self-signed certificate that is its own CA, for a client. */
async function clientCertificate(): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=node-1',
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: certificate.toString('pem'), key };
}

function get(url: string, options: https.RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    https
      .get(url, { ...options, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
      .on('error', reject);
  });
}

describe('a server with a CA for its clients', () => {
  it('serves those that it certifies, now, and nobody else', async () => {
    const [first, second] = [await clientCertificate(), await clientCertificate()];
    const authority = await makeAuthority({ lifetimeMs: DAY_MS, now });
    const leaf = await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: DAY_MS, now });
    const server = await startServer({
      listen: '127.0.0.1:0',
      setting: 'proxy.listen',
      certificate: { ...leaf, clientCa: first.cert },
      handler: (_request, response) => sendJson(response, 200, {}),
    });
    running.push(server);
    const ca = authority.cert;
    const outcome = (options: https.RequestOptions) =>
      get(server.url, { ca, ...options }).catch(() => 'refused');
    expect([await outcome({}), await outcome(first), await outcome(second)]).toEqual([
      'refused',
      200,
      'refused',
    ]);
    server.replaceCertificate({ ...leaf, clientCa: second.cert });
    expect([await outcome({}), await outcome(first), await outcome(second)]).toEqual([
      'refused',
      'refused',
      200,
    ]);
  });
});
