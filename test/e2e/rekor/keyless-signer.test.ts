import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SerializedBundle, SignedStatement } from '../../../src/ledger/evidence.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import {
  makeKeylessSigner,
  type KeylessSigner,
  type KeylessSignerOptions,
} from '../../../src/rekor/keyless/keyless-signer.ts';
import { makeServiceCall } from '../../../src/rekor/keyless/service-call.ts';
import { makeTimestampAuthority } from '../../../src/rekor/keyless/timestamp-authority.ts';
import { withTimestamp } from '../../../src/rekor/keyless/timestamped.ts';
import { trustedRootFor, type LogTrust } from '../../../src/rekor/trusted-root.ts';
import { makeUndiciTransport } from '../../../src/rekor/undici-transport.ts';
import { makeRekorV2Client } from '../../../src/rekor/v2-client.ts';
import { runProcess } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { verifyPlainly } from '../../support/verify-plainly.ts';
import { goTool } from '../stack/install.ts';
import { startSigstore, type StartedSigstore } from '../stack/sigstore.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';

const MINUTE = 60_000;
const STATEMENT = '{"_type":"https://in-toto.io/Statement/v1"}';

let folder: TempFolder;
let sigstore: StartedSigstore;

beforeAll(async () => {
  folder = await makeTempFolder();
  sigstore = await startSigstore(join(folder.path, 'sigstore'));
});

afterAll(async () => {
  await sigstore[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A signer whose machine lets the time pass at will, with the events that it logs. */
function makeSigner(wish: Partial<KeylessSignerOptions> = {}) {
  const shift = { ms: 0 };
  const waiting = new Set<(event: string) => void>();
  const log = (event: string): void => {
    for (const tell of waiting) tell(event);
  };
  const signer: KeylessSigner = makeKeylessSigner({
    fulcioUrl: sigstore.fulcioUrl,
    token: { kind: 'file', file: sigstore.tokenFile },
    clock: { now: () => Date.now() + shift.ms },
    logger: { error: log, warn: log, info: log, debug: log },
    ...wish,
  });
  const logged = (event: string) =>
    new Promise<void>((resolve) => {
      waiting.add((seen) => {
        if (seen === event) resolve();
      });
    });
  return { signer, shift, logged };
}

function serialOf({ verifier }: SignedStatement): string {
  const der = verifier.kind === 'certificate' ? verifier.der : '';
  return new X509Certificate(Buffer.from(der, 'base64')).serialNumber;
}

async function messageOf(run: () => Promise<unknown>): Promise<string> {
  return run().then(
    () => '',
    (error: unknown) => String(error),
  );
}

describe('keyless signing with a real Fulcio', () => {
  it('uses one certificate for many statements', async () => {
    const { signer } = makeSigner();
    const before = await sigstore.fulcio.issued();
    const signed = await Promise.all(Array.from({ length: 40 }, (_, at) => signer.sign(`${at}`, NEVER)));
    signed.push(await signer.sign('last', NEVER));
    expect(new Set(signed.map(serialOf)).size).toBe(1);
    expect((await sigstore.fulcio.issued()) - before).toBe(1);
  });

  it('renews ahead, and never signs with a certificate that is about to end', async () => {
    const { signer, shift, logged } = makeSigner();
    const first = serialOf(await signer.sign('a', NEVER));
    shift.ms = 7 * MINUTE;
    const renewed = logged('signer.certified');
    expect(serialOf(await signer.sign('b', NEVER))).toBe(first);
    await renewed;
    const second = serialOf(await signer.sign('c', NEVER));
    expect(second).not.toBe(first);
    shift.ms += 10 * MINUTE;
    expect(serialOf(await signer.sign('d', NEVER))).not.toBe(second);
  });

  it('tells whom the token is for', async () => {
    const { signer } = makeSigner();
    const now = Date.now();
    const { san, issuer, notBefore, notAfter, tokenSource } = await signer.identity(NEVER);
    expect([san, issuer]).toEqual([sigstore.identity, sigstore.oidcIssuer]);
    expect(notAfter - notBefore).toBe(10 * MINUTE);
    expect(Math.abs(notBefore - now)).toBeLessThan(MINUTE);
    expect(tokenSource).toContain(sigstore.tokenFile);
  });

  it('signs as a person whose token has an e-mail address', async () => {
    const token = sigstore.emailIssuer.emailToken('me@example.com');
    const { signer } = makeSigner({ token: { kind: 'environment', variable: 'TOKEN', token } });
    expect(await signer.identity(NEVER)).toMatchObject({
      san: 'me@example.com',
      issuer: sigstore.emailIssuer.url,
    });
  });

  it('reads the token anew for each certificate', async () => {
    const { signer } = makeSigner();
    const other = sigstore.issuer.serviceAccountToken('other', 'robot');
    await sigstore.renewToken(sigstore.issuer.serviceAccountToken('a', 'b', { lifetimeSeconds: -60 }));
    expect(await messageOf(() => signer.sign('a', NEVER))).toMatch(/expired at .* renewed/);
    await sigstore.renewToken(other);
    expect((await signer.identity(NEVER)).san).toBe(
      'https://kubernetes.io/namespaces/other/serviceaccounts/robot',
    );
    await sigstore.renewToken();
  });

  it('says which audience the token is for when Fulcio wants another', async () => {
    const token = sigstore.issuer.serviceAccountToken('a', 'b', { audience: 'vault' });
    const { signer } = makeSigner({ token: { kind: 'environment', variable: 'TOKEN', token } });
    expect(await codeOf(() => signer.sign('a', NEVER))).toBe('SIGNER_UNAVAILABLE');
    const message = await messageOf(() => signer.sign('a', NEVER));
    expect(message).toContain('"vault"');
    expect(message).not.toContain(token.split('.')[1]);
  });

  it.each([
    ['another service account', (all: Pinned) => ({ ...all, identity: `${all.identity}2` })],
    ['another issuer', (all: Pinned) => ({ ...all, issuer: `${all.issuer}/` })],
  ])('signs nothing when %s is pinned', async (_, change) => {
    const right = { identity: sigstore.identity, issuer: sigstore.oidcIssuer };
    const { signer } = makeSigner({ pinned: change(right) });
    expect(await codeOf(() => signer.sign('a', NEVER))).toBe('IDENTITY_MISMATCH');
    expect(await codeOf(() => makeSigner({ pinned: right }).signer.sign('a', NEVER))).toBeUndefined();
  });

  it('goes on with its certificate while Fulcio is away, and without one waits for it', async () => {
    const { signer, shift } = makeSigner();
    const first = serialOf(await signer.sign('a', NEVER));
    const root = await readFile(await sigstore.trustedRoot([]), 'utf8');
    await sigstore.fulcio.kill();
    expect(serialOf(await signer.sign('b', NEVER))).toBe(first);
    shift.ms = 10 * MINUTE;
    expect(await codeOf(() => signer.sign('c', NEVER))).toBe('SIGNER_UNAVAILABLE');
    await sigstore.fulcio.start();
    expect(serialOf(await signer.sign('d', NEVER))).not.toBe(first);
    expect(await readFile(await sigstore.trustedRoot([]), 'utf8')).toBe(root);
  });
});

interface Pinned {
  readonly identity: string;
  readonly issuer: string;
}

describe('timestamps of a real authority', () => {
  /** What OpenSSL says about a timestamp over the signature. */
  async function openssl({ signature, timestamp }: SignedStatement) {
    const [data, answer] = [join(folder.path, 'signature'), join(folder.path, 'timestamp.tsr')];
    await writeFile(data, Buffer.from(signature, 'base64'));
    await writeFile(answer, Buffer.from(timestamp ?? '', 'base64'));
    const { chainFile } = sigstore.timestamps;
    const files = ['-data', data, '-in', answer, '-CAfile', chainFile, '-untrusted', chainFile];
    return runProcess('openssl', ['ts', '-verify', ...files]);
  }

  it('verify with OpenSSL over the signature alone, for keyless and for a key', async () => {
    const { signer } = makeSigner({ tsaUrl: sigstore.tsaUrl });
    const authority = makeTimestampAuthority({ url: sigstore.tsaUrl, call: makeServiceCall({}) });
    const pem = generateKey().privateKeyPem;
    const keySigner = withTimestamp(makeKeySigner({ pem, source: 'a test' }), authority);
    const [keyless, byKey] = [await signer.sign('a', NEVER), await keySigner.sign('a', NEVER)];
    for (const signed of [keyless, byKey]) {
      const { code, stdout, stderr } = await openssl(signed);
      expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: /OK/.exec(stdout)?.input });
    }
    expect((await openssl({ ...keyless, signature: byKey.signature })).code).not.toBe(0);
  });

  it('are waited for while the authority is away', async () => {
    const { signer } = makeSigner({ tsaUrl: sigstore.tsaUrl });
    await signer.sign('a', NEVER);
    await sigstore.timestamps.kill();
    expect(await codeOf(() => signer.sign('b', NEVER))).toBe('SIGNER_UNAVAILABLE');
    await sigstore.timestamps.start();
    expect((await openssl(await signer.sign('c', NEVER))).code).toBe(0);
  });
});

describe('a keyless bundle with a timestamp and an entry of a real Rekor v2', () => {
  let rekor: StartedRekor;
  let bundle: SerializedBundle;
  let trustedRoot: string;

  beforeAll(async () => {
    rekor = await startRekorV2(join(folder.path, 'rekor'));
    const trust: LogTrust = {
      kind: 'rekor-v2',
      origin: rekor.origin,
      spki: createPublicKey(await readFile(rekor.publicKeyFile))
        .export({ type: 'spki', format: 'der' })
        .toString('base64'),
    };
    trustedRoot = await sigstore.trustedRoot(trustedRootFor(trust)['tlogs'] as readonly unknown[]);
    const log = makeRekorV2Client({
      url: rekor.url,
      trust,
      write: makeUndiciTransport({ baseUrl: rekor.url }),
      read: { transport: makeUndiciTransport({ baseUrl: rekor.readUrl }), prefix: '' },
    });
    const signed = await makeSigner({ tsaUrl: sigstore.tsaUrl }).signer.sign(STATEMENT, NEVER);
    bundle = withTimestampOf(signed, (await log.submit(signed, NEVER)).bundle);
  });

  afterAll(async () => {
    await rekor[Symbol.asyncDispose]();
  });

  async function cosign(wish: { identity?: string; issuer?: string; statement?: string } = {}) {
    const [statementFile, bundleFile] = [join(folder.path, 's.json'), join(folder.path, 'b.json')];
    await writeFile(statementFile, wish.statement ?? STATEMENT);
    await writeFile(bundleFile, JSON.stringify(bundle));
    return runProcess(goTool('cosign'), [
      'verify-blob',
      ...['--certificate-identity', wish.identity ?? sigstore.identity],
      ...['--certificate-oidc-issuer', wish.issuer ?? sigstore.oidcIssuer],
      ...['--bundle', bundleFile, '--trusted-root', trustedRoot, '--insecure-ignore-sct', statementFile],
    ]);
  }

  it('is accepted by the real cosign', async () => {
    const { code, stderr } = await cosign();
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Verified OK\n' });
  });

  it.each([
    ['another identity', { identity: 'https://kubernetes.io/namespaces/a/serviceaccounts/b' }],
    ['another issuer', { issuer: 'https://issuer.example.com' }],
    ['another statement', { statement: '{}' }],
  ])('is refused by the real cosign for %s', async (_, wish) => {
    expect((await cosign(wish)).code).not.toBe(0);
  });

  it('is accepted by @sigstore/verify, and refused without its timestamp', async () => {
    const evidence = {
      statement: Buffer.from(STATEMENT),
      trustedRoot: await readFile(trustedRoot, 'utf8'),
      identity: { san: sigstore.identity, issuer: sigstore.oidcIssuer },
    };
    expect(() => {
      verifyPlainly({ ...evidence, bundle: JSON.stringify(bundle) });
    }).not.toThrow();
    const { timestampVerificationData: _, ...material } = materialOf(bundle);
    expect(() => {
      verifyPlainly({ ...evidence, bundle: JSON.stringify({ ...bundle, verificationMaterial: material }) });
    }).toThrow();
  });
});

function materialOf(bundle: SerializedBundle): Readonly<Record<string, unknown>> {
  return bundle['verificationMaterial'] as Readonly<Record<string, unknown>>;
}

/** The form in which Sigstore bundles carry a timestamp: the whole TimeStampResp. */
function withTimestampOf({ timestamp }: SignedStatement, bundle: SerializedBundle): SerializedBundle {
  const timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: timestamp }] };
  return { ...bundle, verificationMaterial: { ...materialOf(bundle), timestampVerificationData } };
}
