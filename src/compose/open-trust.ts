import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, LogTrustSource, RekorLogSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { readSigstoreTrust, type SigstoreTrust } from '../rekor/sigstore-trust.ts';
import { readLogTrust } from '../rekor/trust.ts';
import type { LogTrust } from '../rekor/trusted-root.ts';
import { parseSigningConfig, type SigningConfig } from '../rekor/signing-config.ts';
import { makeTufTrust, type TufTrust } from '../rekor/tuf-trust.ts';
import { signingConfigTarget } from '../rekor/public-good.ts';

export interface TrustParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
}

/** Reads what is trusted, from files or by TUF; each source is read once. */
export interface OpenedTrust {
  /** The log at this address first, others of its kind behind it. Throws TRUST_ROOT_INVALID, TRUST_ROOT_UNAVAILABLE. */
  logs(
    kind: RekorLogSettings['kind'],
    place: { readonly url: string; readonly trust: LogTrustSource },
  ): Promise<readonly [LogTrust, ...LogTrust[]]>;
  /** Who certifies and timestamps; undefined where nobody needs to know. Throws as `logs`. */
  sigstore(): Promise<SigstoreTrust | undefined>;
  readonly tuf: TufTrust;
  /** What names the shards of a Rekor v2, by TUF. Throws as `logs`. */
  signingConfig(): Promise<SigningConfig>;
  /** Asks TUF again for what was asked at the start: an alarm comes when that expires, not at the next start. */
  renew(): Promise<void>;
}

export function openTrust({ config, logger, metrics }: TrustParts): OpenedTrust {
  const { log, signer, tuf: settings, dataDir } = config;
  const tuf = makeTufTrust({
    ...settings,
    cacheFolder: join(dataDir, 'tuf'),
    onStale(stale, why) {
      metrics?.setTrustStale(stale);
      if (stale)
        logger.error(
          'trust.stale',
          { why },
          'what TUF delivered has expired, or the mirror answers what must not be trusted; the last that was verified is used',
        );
      else if (why !== undefined)
        logger.warn('trust.kept', { why }, 'what TUF delivered could not be renewed or not be kept');
    },
  });
  let delivered: Uint8Array | undefined;

  async function deliveredRoot(): Promise<Uint8Array> {
    const root = await tuf.trustedRoot();
    delivered ??= root;
    return root;
  }

  const needsAuthorities =
    signer.kind === 'keyless' || signer.acceptedIdentities.length > 0 || signer.tsaUrl !== undefined;

  async function sigstoreJson(): Promise<{ readonly json: Uint8Array; readonly source: string } | undefined> {
    const file =
      signer.trustedRootFile ??
      (log.kind !== 'embedded' && log.trust.by === 'trustedRoot' ? log.trust.file : undefined);
    if (file !== undefined) return { json: await readRoot(file), source: file };
    if (!needsAuthorities) return undefined;
    return { json: await deliveredRoot(), source: tuf.source };
  }

  return {
    tuf,
    async logs(kind, { url, trust }) {
      if (trust.by === 'key') return readLogTrust({ kind, url, ...trust });
      if (trust.by === 'trustedRoot') return readLogTrust({ kind, url, trustedRootFile: trust.file });
      return readLogTrust({ kind, url, trustedRootFile: tuf.source }, deliveredRoot);
    },
    async signingConfig() {
      const name = signingConfigTarget(settings.url === undefined);
      return parseSigningConfig(
        `${name} of ${settings.url ?? 'the public-good mirror'}`,
        await tuf.target(name),
      );
    },
    async renew() {
      if (delivered === undefined) return;
      if (Buffer.compare(delivered, await tuf.trustedRoot()) !== 0)
        logger.warn('trust.changed', {}, 'TUF delivers another trusted root: restart to use it');
    },
    async sigstore() {
      const found = await sigstoreJson();
      return found && readSigstoreTrust(found.json, found.source);
    },
  };
}

async function readRoot(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError({
      code: 'TRUST_ROOT_INVALID',
      message: `cannot trust by ${quote(file)}: ${String(cause).replace(/^Error: /, '')}; name a trusted_root.json of Sigstore`,
      cause,
    });
  }
}
