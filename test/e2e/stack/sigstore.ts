import { X509Certificate } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFulcio, type StartedFulcio } from './fulcio.ts';
import { startOidcIssuer, type StartedIssuer } from './oidc-issuer.ts';
import { startTimestampServer, type StartedTimestampServer } from './timestamp-server.ts';

const NAMESPACE = 'tagseal-system';
const SERVICE_ACCOUNT = 'tagseal';

export interface StartedSigstore extends AsyncDisposable {
  /** Issues tokens of service accounts. */
  readonly issuer: StartedIssuer;
  /** Issues tokens of people. */
  readonly emailIssuer: StartedIssuer;
  readonly fulcio: StartedFulcio;
  readonly timestamps: StartedTimestampServer;
  readonly fulcioUrl: string;
  /** The address that timestamp requests go to. */
  readonly tsaUrl: string;
  /** What the certificate for `tokenFile` says: its subject alternative name ... */
  readonly identity: string;
  /** ... and its issuer. */
  readonly oidcIssuer: string;
  /** As kubelet projects it: valid for ten minutes from the start, or from the last `renewToken`. */
  readonly tokenFile: string;
  /** Puts another token in place of the file's, in one step; a fresh one by default. */
  renewToken(token?: string): Promise<void>;
  /** Writes a trusted_root.json with this CA, this timestamp authority and the logs given (`tlogs` of a trusted root). */
  trustedRoot(tlogs: readonly unknown[]): Promise<string>;
}

/** Sigstore without its log, on loopback: token issuers, Fulcio and a timestamp authority, all data under `folder`. */
export async function startSigstore(folder: string): Promise<StartedSigstore> {
  await mkdir(folder, { recursive: true });
  const started = new AsyncDisposableStack();
  try {
    const issuer = started.use(await startOidcIssuer());
    const emailIssuer = started.use(await startOidcIssuer());
    const fulcio = started.use(
      await startFulcio(join(folder, 'fulcio'), [
        { url: issuer.url, type: 'kubernetes' },
        { url: emailIssuer.url, type: 'email' },
      ]),
    );
    const timestamps = started.use(await startTimestampServer(join(folder, 'tsa')));
    const tokenFile = join(folder, 'token');
    const renewToken = async (token = issuer.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT)) => {
      await writeFile(`${tokenFile}.new`, token, { mode: 0o600 });
      await rename(`${tokenFile}.new`, tokenFile);
    };
    await renewToken();
    let roots = 0;
    return {
      issuer,
      emailIssuer,
      fulcio,
      timestamps,
      fulcioUrl: fulcio.url,
      tsaUrl: `${timestamps.url}/api/v1/timestamp`,
      identity: `https://kubernetes.io/namespaces/${NAMESPACE}/serviceaccounts/${SERVICE_ACCOUNT}`,
      oidcIssuer: issuer.url,
      tokenFile,
      renewToken,
      async trustedRoot(tlogs) {
        roots += 1;
        const file = join(folder, `trusted_root-${roots}.json`);
        const root = await trustedRootOf({ fulcioUrl: fulcio.url, tsaUrl: timestamps.url, tlogs });
        await writeFile(file, JSON.stringify(root, null, 2));
        return file;
      },
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** What the servers themselves publish, as a Sigstore TrustedRoot. */
async function trustedRootOf(at: {
  readonly fulcioUrl: string;
  readonly tsaUrl: string;
  readonly tlogs: readonly unknown[];
}): Promise<object> {
  const bundle = (await (await fetch(`${at.fulcioUrl}/api/v2/trustBundle`)).json()) as {
    readonly chains: readonly { readonly certificates: readonly string[] }[];
  };
  const chain = await (await fetch(`${at.tsaUrl}/api/v1/timestamp/certchain`)).text();
  const pems = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: at.tlogs,
    certificateAuthorities: bundle.chains.map(({ certificates }) => authority(at.fulcioUrl, certificates)),
    ctlogs: [],
    timestampAuthorities: [authority(at.tsaUrl, pems)],
  };
}

function authority(uri: string, pems: readonly string[]): object {
  const certificates = pems.map((pem) => new X509Certificate(pem));
  return {
    subject: { organization: 'test', commonName: certificates[0]?.subject.replace(/^CN=/, '') },
    uri,
    certChain: { certificates: certificates.map(({ raw }) => ({ rawBytes: raw.toString('base64') })) },
    validFor: { start: certificates[0]?.validFromDate.toISOString() },
  };
}
