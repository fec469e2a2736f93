import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { MonitorOptions } from './ports.ts';

/** The flags as commander gives them. */
export interface MonitorFlags {
  readonly logUrl?: string;
  readonly logKind?: 'rekor-v1' | 'rekor-v2';
  readonly trustedRoot?: string;
  readonly logPublicKey?: string;
  readonly logOrigin?: string;
  readonly publicKey?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly state?: string;
  readonly fromStart?: boolean;
  readonly once?: boolean;
  /** Milliseconds. */
  readonly interval: number;
  readonly known?: readonly string[];
}

/** What the flags ask for. Throws CONFIG_INVALID for flags that do not go together. */
export function monitorOptions(flags: MonitorFlags): MonitorOptions {
  const log = logOf(flags);
  const signer = signerOf(flags);
  return {
    ...(log && { log }),
    ...(signer && { signer }),
    ...(flags.state !== undefined && { stateFolder: flags.state }),
    fromStart: flags.fromStart === true,
    once: flags.once === true,
    intervalMs: flags.interval,
  };
}

function logOf(flags: MonitorFlags): MonitorOptions['log'] {
  const { logUrl: url, logKind: kind } = flags;
  if (url === undefined) {
    const alone = (['logKind', 'logPublicKey', 'logOrigin'] as const).find(
      (name) => flags[name] !== undefined,
    );
    if (alone !== undefined)
      throw refused(`${FLAG[alone]} says something of a log, and no --log-url names it`);
    return undefined;
  }
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw refused(`--log-url ${quote(url)} is no http(s) URL`);
  if (kind === undefined) throw refused('--log-url needs --log-kind too: rekor-v1 or rekor-v2');
  return { kind, url, trust: logTrust(flags) };
}

type LogTrust = NonNullable<MonitorOptions['log']>['trust'];

function logTrust({ trustedRoot, logPublicKey, logOrigin }: MonitorFlags): LogTrust {
  if (logPublicKey !== undefined && logOrigin !== undefined) {
    return { publicKeyFile: logPublicKey, origin: logOrigin };
  }
  if (logPublicKey !== undefined || logOrigin !== undefined) {
    throw refused('--log-public-key and --log-origin only go together');
  }
  if (trustedRoot !== undefined) return { trustedRootFile: trustedRoot };
  throw refused(
    '--log-url needs --trusted-root, or --log-public-key and --log-origin: the log must prove itself',
  );
}

function signerOf(flags: MonitorFlags): MonitorOptions['signer'] {
  const { publicKey, certificateIdentity: identity, certificateOidcIssuer: issuer, trustedRoot } = flags;
  if (publicKey !== undefined) {
    if (identity === undefined && issuer === undefined) return { kind: 'key', publicKeyFile: publicKey };
    throw refused('--public-key and --certificate-identity name two signers; watch one');
  }
  if (identity === undefined && issuer === undefined) return undefined;
  if (identity === undefined || issuer === undefined) {
    throw refused('--certificate-identity and --certificate-oidc-issuer only go together');
  }
  return {
    kind: 'keyless',
    identity,
    issuer,
    ...(trustedRoot !== undefined && { trustedRootFile: trustedRoot }),
  };
}

const FLAG = { logKind: '--log-kind', logPublicKey: '--log-public-key', logOrigin: '--log-origin' };

function refused(why: string): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot monitor: ${why}; see tagseal monitor --help`,
  });
}
