import 'reflect-metadata';
import { createPublicKey, verify, webcrypto } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../../src/protocol/ports.ts';

const EC_P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
export const IDENTITY = 'https://kubernetes.io/namespaces/tagseal-system/serviceaccounts/tagseal';
export const ISSUER = 'https://issuer.example.com';
const LIFETIME_MS = 600_000;

interface Request {
  readonly credentials: { readonly oidcIdentityToken: string };
  readonly publicKeyRequest: {
    readonly publicKey: { readonly content: string };
    readonly proofOfPossession: string;
  };
}

export interface CertificateWish {
  readonly publicKey: string;
  readonly names?: readonly { readonly type: 'url' | 'email' | 'dns'; readonly value: string }[];
  readonly issuer?: string | undefined;
  readonly notBefore: number;
  readonly lifetimeMs?: number;
}

export interface FakeFulcio {
  readonly listener: RequestListener;
  /** Requests so far whose proof of possession fits their token's subject. */
  readonly requests: readonly Request[];
  /** What goes into the next certificates. */
  next: Partial<CertificateWish>;
  /** Called before each answer. */
  beforeAnswer: () => Promise<void> | void;
  /** The proof of a CT log beside the certificate; undefined for one inside it. */
  detachedSct: string | undefined;
}

/** A token that nobody signed. */
export function fakeToken(claims: Readonly<Record<string, unknown>> = {}): string {
  const payload = {
    iss: ISSUER,
    sub: 'system:serviceaccount:tagseal-system:tagseal',
    aud: ['sigstore'],
    exp: Date.UTC(2026, 0, 1, 0, 10) / 1000,
    ...claims,
  };
  const parts = [{ alg: 'ES256' }, payload].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return [...parts, 'c2lnbmF0dXJl'].join('.');
}

/** Fulcio's v2 API with a CA of its own; takes any token, and checks the proof of possession. */
export async function makeFakeFulcio({ clock }: { readonly clock: Clock }): Promise<FakeFulcio> {
  const keys = await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify']);
  const requests: Request[] = [];

  async function certify(wish: CertificateWish): Promise<string> {
    const issuer = 'issuer' in wish ? wish.issuer : ISSUER;
    const names = wish.names ?? [{ type: 'url', value: IDENTITY }];
    const der = createPublicKey(wish.publicKey).export({ type: 'spki', format: 'der' });
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: webcrypto.getRandomValues(Buffer.alloc(8)).toString('hex').replace(/^./, '1'),
      subject: '',
      issuer: 'CN=fake',
      notBefore: new Date(wish.notBefore),
      notAfter: new Date(wish.notBefore + (wish.lifetimeMs ?? LIFETIME_MS)),
      publicKey: new x509.PublicKey(der),
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names], true)]),
        ...(issuer === undefined ? [] : [new x509.Extension(ISSUER_V2, false, utf8String(issuer))]),
      ],
    });
    return certificate.toString('pem');
  }

  const fake: FakeFulcio = {
    requests,
    next: {},
    beforeAnswer: () => undefined,
    detachedSct: undefined,
    listener(request, response) {
      void (async () => {
        const asked = JSON.parse(await textOf(request)) as Request;
        if (request.url !== '/api/v2/signingCert' || !isProven(asked)) {
          response.writeHead(400).end(JSON.stringify({ code: 3, message: 'the proof does not fit' }));
          return;
        }
        requests.push(asked);
        await fake.beforeAnswer();
        const publicKey = asked.publicKeyRequest.publicKey.content;
        const leaf = await certify({ publicKey, notBefore: clock.now(), ...fake.next });
        const chain = { certificates: [leaf] };
        response.writeHead(200, { 'content-type': 'application/json' });
        const { detachedSct: signedCertificateTimestamp } = fake;
        const form =
          signedCertificateTimestamp === undefined
            ? { signedCertificateEmbeddedSct: { chain } }
            : { signedCertificateDetachedSct: { chain, signedCertificateTimestamp } };
        response.end(JSON.stringify(form));
      })();
    },
  };
  return fake;
}

function isProven({ credentials, publicKeyRequest }: Request): boolean {
  const payload = Buffer.from(credentials.oidcIdentityToken.split('.')[1] ?? '', 'base64url').toString();
  const { sub, email } = JSON.parse(payload) as { readonly sub: string; readonly email?: string };
  const proof = Buffer.from(publicKeyRequest.proofOfPossession, 'base64');
  return verify('sha256', Buffer.from(email ?? sub), publicKeyRequest.publicKey.content, proof);
}

function utf8String(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(text, 'utf8');
  return Uint8Array.of(0x0c, bytes.length, ...bytes);
}

export async function textOf(request: IncomingMessage): Promise<string> {
  return (await bytesOf(request)).toString('utf8');
}

export async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
