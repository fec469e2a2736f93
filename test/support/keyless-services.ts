import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsnConvert } from '@peculiar/asn1-schema';
import { TimeStampReq } from '@peculiar/asn1-tsp';
import { makeKeylessSigner, type KeylessSigner } from '../../src/rekor/keyless/keyless-signer.ts';
import { ISSUER, NOW, SAN } from './fake-ca.ts';
import { bytesOf, fakeToken } from './fake-fulcio.ts';
import { certify, makePaperSigstore, type PaperSigstore } from './keyless-evidence.ts';
import { startLoopbackServer } from './loopback-server.ts';

/** Fulcio and a timestamp authority over real HTTP, whose word counts for who trusts `sigstore`. */
export interface KeylessServices extends AsyncDisposable {
  readonly sigstore: PaperSigstore;
  /** Every request so far to either: its head and its body. */
  readonly sent: readonly Uint8Array[];
  readonly signer: KeylessSigner;
}

export async function startKeylessServices(): Promise<KeylessServices> {
  const sigstore = await makePaperSigstore();
  const sent: Uint8Array[] = [];

  async function heard(request: IncomingMessage): Promise<Buffer> {
    const body = await bytesOf(request);
    const head = `${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n\n`;
    sent.push(Buffer.concat([Buffer.from(head), body]));
    return body;
  }

  async function issue(body: Buffer, response: ServerResponse): Promise<void> {
    const { publicKeyRequest } = JSON.parse(body.toString('utf8')) as {
      readonly publicKeyRequest: { readonly publicKey: { readonly content: string } };
    };
    const { der } = await certify(sigstore, { publicKey: publicKeyRequest.publicKey.content });
    const certificates = [new X509Certificate(Buffer.from(der, 'base64')).toString()];
    response.end(JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates } } }));
  }

  function stamp(body: Buffer, response: ServerResponse): void {
    const { messageImprint, nonce } = AsnConvert.parse(body, TimeStampReq);
    const wish = {
      imprint: Buffer.from(messageImprint.hashedMessage.buffer),
      nonce: Buffer.from(nonce ?? new ArrayBuffer(0)),
    };
    response.end(Buffer.from(sigstore.tsa.stamp('', wish), 'base64'));
  }

  const server = await startLoopbackServer((request, response) => {
    void heard(request).then((body) =>
      request.url === '/timestamp' ? stamp(body, response) : issue(body, response),
    );
  });

  return {
    sigstore,
    sent,
    signer: makeKeylessSigner({
      fulcioUrl: server.url,
      token: { kind: 'environment', variable: 'TOKEN', token: fakeToken() },
      pinned: { identity: SAN, issuer: ISSUER },
      tsaUrl: `${server.url}/timestamp`,
      clock: { now: () => NOW },
      logger: {
        error: () => undefined,
        warn: () => undefined,
        info: () => undefined,
        debug: () => undefined,
      },
      dispatcher: server.dispatcher,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
