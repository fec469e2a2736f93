import { join } from 'node:path';
import { startRekorV1, type StartedRekorV1 } from './rekor-v1.ts';
import { startSigstore, type StartedSigstore } from './sigstore.ts';
import { startRekorV2, type StartedRekor } from './start.ts';

export const LOG_KINDS = ['rekor-v1', 'rekor-v2', 'embedded'] as const;
export const SIGNER_KINDS = ['key', 'keyless'] as const;

export type LogKind = (typeof LOG_KINDS)[number];
export type SignerKind = (typeof SIGNER_KINDS)[number];

/** Every real log and every way to sign, side by side on loopback. */
export interface StartedLogs extends AsyncDisposable {
  readonly rekorV1: StartedRekorV1;
  readonly rekorV2: StartedRekor;
  readonly sigstore: StartedSigstore;
  /** What keyless certificates say. */
  readonly identity: { readonly san: string; readonly issuer: string };
  /** Lines of a config file. */
  settings(log: LogKind, signer: SignerKind): readonly string[];
}

export async function startLogs(folder: string): Promise<StartedLogs> {
  const started = new AsyncDisposableStack();
  try {
    // first: its port for metrics is fixed, and it ends where that is taken
    const sigstore = started.use(await startSigstore(join(folder, 'sigstore')));
    const rekorV2 = started.use(await startRekorV2(join(folder, 'rekor-v2')));
    const rekorV1 = started.use(await startRekorV1(join(folder, 'rekor-v1')));
    const trustedRootFile = await sigstore.trustedRoot([]);
    const identity = { san: sigstore.identity, issuer: sigstore.oidcIssuer };
    return {
      rekorV1,
      rekorV2,
      sigstore,
      identity,
      settings: (log, signer) => [
        `log: ${JSON.stringify(logOf(log, { rekorV1, rekorV2 }))}`,
        `signer: ${JSON.stringify(signerOf(log, signer, { sigstore, trustedRootFile }))}`,
      ],
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

function logOf(kind: LogKind, { rekorV1, rekorV2 }: Pick<StartedLogs, 'rekorV1' | 'rekorV2'>): object {
  if (kind === 'embedded') return { kind };
  if (kind === 'rekor-v1') {
    const { url, origin, publicKeyFile } = rekorV1;
    return { kind, url, origin, publicKeyFile };
  }
  const { url, readUrl, origin, publicKeyFile } = rekorV2;
  return { kind, url, readUrl, origin, publicKeyFile };
}

function signerOf(
  log: LogKind,
  kind: SignerKind,
  { sigstore, trustedRootFile }: { readonly sigstore: StartedSigstore; readonly trustedRootFile: string },
): object {
  if (kind === 'key') return { kind };
  const { fulcioUrl, tsaUrl, tokenFile, identity, oidcIssuer } = sigstore;
  return {
    kind,
    fulcioUrl,
    tokenFile,
    identity,
    issuer: oidcIssuer,
    trustedRootFile,
    // Rekor v1 gives a time itself
    ...(log !== 'rekor-v1' && { tsaUrl }),
  };
}
