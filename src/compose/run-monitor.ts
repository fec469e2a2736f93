import { setTimeout as delay } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type { MonitorEvent, MonitorOptions } from '../cli/monitor/ports.ts';
import type { Config, RekorLogSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { systemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import { monitor, type MonitorParts } from '../protocol/monitor.ts';
import { makeTailSnapshots, tailPrefix } from '../protocol/tail-snapshot.ts';
import { readAcceptedKeys } from '../rekor/accepted-key-files.ts';
import type { SignerTrust } from '../rekor/accepted-signers.ts';
import { makeLeafVerifier } from '../rekor/leaf-verifier.ts';
import { makeEvidenceVerifier } from '../rekor/verify-bundle.ts';
import { openDirectoryStore } from '../store/directory-store.ts';
import { openLog, type OpenedLog } from './open-log.ts';
import { openTrust } from './open-trust.ts';
import { tailPlace } from './tail-place.ts';

/** No secret: the folder belongs to whoever watches. */
const NO_KEY = new Uint8Array();
const count = <T>(transport: T): T => transport;

/** Watches a log for somebody's entries: of the options, else of the config. Throws as Programs.monitor. */
export async function* runMonitor(
  options: MonitorOptions,
  config: Config,
  signal: AbortSignal,
): AsyncGenerator<MonitorEvent> {
  const watched = withOptions(config, options);
  const logger = quiet;
  const trust = openTrust({ config: watched, logger });
  const log = await openLog(watched, { logger, count, trust, clock: systemClock });
  try {
    const sigstore = await trust.sigstore();
    const signers = { ...(await watchedSigners(watched)), ...(sigstore && { sigstore }) };
    yield* monitor(monitorParts({ options, log, signers, logger }), signal);
  } finally {
    await log.close();
  }
}

interface Watching {
  readonly options: MonitorOptions;
  readonly log: OpenedLog;
  readonly signers: SignerTrust;
  readonly logger: Logger;
}

function monitorParts({ options, log, signers, logger }: Watching): MonitorParts {
  const { fromStart, once, intervalMs, stateFolder } = options;
  const { follow, trusted } = log;
  const [{ kind, origin }] = trusted;
  if (follow.kind !== 'tiles')
    throw new AppError({ code: 'INTERNAL', message: 'a log that is not followed' });
  if (kind === 'rekor-v1' && stateFolder !== undefined) {
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `cannot keep how far the log ${origin} was read: of a Rekor v1 nothing is kept; leave --state out`,
    });
  }
  const place = tailPlace(trusted[0], signers);
  const { reader, accept } = follow;
  return {
    reader,
    verifier: makeEvidenceVerifier({ ...signers, logs: trusted }),
    leaves: makeLeafVerifier(kind, signers),
    logger,
    origin,
    fromStart,
    once,
    intervalMs,
    sleep: (ms, until) => delay(ms, undefined, { signal: until }).catch(() => undefined),
    ...(accept && { accept }),
    ...(stateFolder !== undefined && { kept: keptIn(stateFolder, place, logger) }),
  };
}

function keptIn(
  dataDir: string,
  place: Pick<Parameters<typeof makeTailSnapshots>[0], 'log' | 'watched'>,
  logger: Logger,
): NonNullable<MonitorParts['kept']> {
  const { state } = openDirectoryStore({ dataDir, uniqueName: randomUUID, logger });
  return {
    state,
    snapshots: makeTailSnapshots({ ...place, state, key: NO_KEY, logger }),
    name: `${tailPrefix(place)}-told`,
  };
}

/** What is left out comes from the config. */
function withOptions(config: Config, { log, signer }: MonitorOptions): Config {
  const named = signer?.kind === 'keyless' ? signer.trustedRootFile : undefined;
  const trustedRootFile = named ?? config.signer.trustedRootFile;
  return {
    ...config,
    ...(log
      ? { log: rekorSettings(log) }
      : config.log.kind !== 'embedded' && { log: { ...config.log, follow: true } }),
    ...(signer && {
      signer: {
        kind: 'key',
        keyFile: signer.kind === 'key' ? signer.publicKeyFile : '',
        acceptedKeyFiles: [],
        acceptedIdentities:
          signer.kind === 'keyless' ? [{ identity: signer.identity, issuer: signer.issuer }] : [],
        ...(trustedRootFile !== undefined && { trustedRootFile }),
      },
    }),
  };
}

function rekorSettings({ kind, url, trust }: NonNullable<MonitorOptions['log']>): RekorLogSettings {
  return {
    kind,
    url,
    trust:
      'trustedRootFile' in trust
        ? { by: 'trustedRoot', file: trust.trustedRootFile }
        : { by: 'key', ...trust },
    // whoever watches wants every leaf
    follow: true,
    witnesses: { keys: [], quorum: 0 },
  };
}

/** A private key's file will do, as its public half. */
async function watchedSigners({ signer }: Config): Promise<Omit<SignerTrust, 'sigstore'>> {
  const files = signer.kind === 'key' && signer.keyFile !== '' ? [signer.keyFile] : [];
  const pinned = signer.kind === 'keyless' && signer.pinned ? [signer.pinned] : [];
  return {
    keys: await readAcceptedKeys([...files, ...signer.acceptedKeyFiles]),
    identities: [...pinned, ...signer.acceptedIdentities].map(({ identity, issuer }) => ({
      san: identity,
      issuer,
    })),
  };
}

const nothing = () => undefined;
/** What it finds is its output. */
const quiet: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing };
