import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const LIFETIME_SECONDS = 600;

export interface TokenWish {
  readonly audience?: string;
  /** From now on; negative for a token that has expired. */
  readonly lifetimeSeconds?: number;
  /** Beside or in place of the usual ones. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface StartedIssuer extends AsyncDisposable {
  readonly url: string;
  /** A signed token of a Kubernetes service account. */
  serviceAccountToken(namespace: string, name: string, wish?: TokenWish): string;
  /** A signed token of a person with an address. */
  emailToken(email: string, wish?: TokenWish): string;
}

/** An OpenID Connect issuer on loopback: discovery document, key set, ES256 tokens. */
export async function startOidcIssuer(): Promise<StartedIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' };
  let url = '';
  const server = createServer((request, response) => {
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': {
        issuer: url,
        jwks_uri: `${url}/keys`,
        authorization_endpoint: `${url}/authorize`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      },
      '/keys': { keys: [jwk] },
    };
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  url = `http://127.0.0.1:${address.port}`;

  function mint(subject: string, claims: Readonly<Record<string, unknown>>, wish: TokenWish): string {
    const now = Math.floor(Date.now() / 1000);
    const exp = now + (wish.lifetimeSeconds ?? LIFETIME_SECONDS);
    const times = { iat: Math.min(now, exp) - 1, nbf: Math.min(now, exp) - 1, exp };
    const aud = [wish.audience ?? 'sigstore'];
    const payload = { iss: url, sub: subject, aud, ...times, ...claims, ...wish.claims };
    const text = [{ alg: 'ES256', kid: 'one', typ: 'JWT' }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  return {
    url,
    serviceAccountToken(namespace, name, wish = {}) {
      const pod = { name: `${name}-0`, uid: '7a1d2c3e-0000-4000-8000-000000000001' };
      const serviceaccount = { name, uid: '7a1d2c3e-0000-4000-8000-000000000002' };
      const kubernetes = { 'kubernetes.io': { namespace, pod, serviceaccount } };
      return mint(`system:serviceaccount:${namespace}:${name}`, kubernetes, wish);
    },
    emailToken: (email, wish = {}) => mint('1234567890', { email, email_verified: true }, wish),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
