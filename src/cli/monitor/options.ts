import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { MonitorOptions } from './ports.ts';

const MIN_INTERVAL_MS = 1000;

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
  const empty = Object.entries(flags).find(([, value]) => value === '');
  if (empty !== undefined) throw refused(`${flagOf(empty[0])} is empty`);
  if (flags.interval < MIN_INTERVAL_MS) throw refused('--interval is shorter than 1s, which no log likes');
  const log = logOf(flags);
  const signer = signerOf(flags);
  if (flags.trustedRoot !== undefined && !usesTrustedRoot(log, signer)) {
    throw refused('--trusted-root is for --log-url or --certificate-identity, and neither is given');
  }
  return {
    ...(log && { log }),
    ...(signer && { signer }),
    ...(flags.state !== undefined && { stateFolder: flags.state }),
    fromStart: flags.fromStart === true,
    once: flags.once === true,
    intervalMs: flags.interval,
  };
}

function usesTrustedRoot(log: MonitorOptions['log'], signer: MonitorOptions['signer']): boolean {
  return (log !== undefined && 'trustedRootFile' in log.trust) || signer?.kind === 'keyless';
}

function logOf(flags: MonitorFlags): MonitorOptions['log'] {
  const { logUrl: url, logKind: kind } = flags;
  if (url === undefined) {
    const alone = (['logKind', 'logPublicKey', 'logOrigin'] as const).find(
      (name) => flags[name] !== undefined,
    );
    if (alone !== undefined)
      throw refused(`${flagOf(alone)} says something of a log, and no --log-url names it`);
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

/** `logKind` is `--log-kind`. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function refused(why: string): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot monitor: ${why}; see tagseal monitor --help`,
  });
}
