import { createPublicKey } from 'node:crypto';
import { makeCheckWorkload } from '../check/check-workload.ts';
import { makeExplainImage } from '../check/explain-image.ts';
import type { RecordSigner, Runtime } from '../cli/ports.ts';
import type { Config } from '../config/config.ts';
import type { SignatureVerifier } from '../ledger/evidence.ts';
import { systemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import { makeLogger } from '../observe/logger.ts';
import { parseSigningCertificate } from '../rekor/keyless/signing-certificate.ts';
import { findStored } from '../protocol/find-stored.ts';
import { loadRecord } from '../protocol/load-record.ts';
import { trustedRootFor } from '../rekor/trusted-root.ts';
import { followNamespaces } from './cluster/namespaces.ts';
import { makeScanReport } from './cluster/scan-report.ts';
import { openCore, type Core } from './core.ts';
import { makeLedgerOperations, type LedgerOperations } from './ledger-operations.ts';

const POLICIES_TIMEOUT_MS = 10_000;

/** The core for one command: the same parts as behind `serve`, without its doors. */
export async function openRuntime(options: {
  readonly config: Config;
  readonly home: string | undefined;
}): Promise<Runtime> {
  const { config, home } = options;
  const logger = commandLogger(config);
  const core = await openCore({ config, home, logger, clock: systemClock });
  await core.policies?.load(AbortSignal.timeout(POLICIES_TIMEOUT_MS));
  const checkImage = core.checkImageWith(core.registry);
  const { ledger, naming, verifier, opened, policy, incident } = core;
  const { resolver } = core.registry;
  const { store } = opened;
  const operations = ledgerOperations(core);
  const findRecord: Runtime['findRecord'] = async (reference, signal) => {
    const stored = await findStored(reference, { store, naming }, signal);
    return stored && (await loadRecord(stored.record, reference, { naming, verifier }));
  };
  return {
    ...operations,
    checkImage,
    checkWorkload: makeCheckWorkload(checkImage),
    explain: makeExplainImage({ policy, ledger, resolver, incident }),
    findRecord,
    ...(core.cluster && {
      scan: makeScanReport({
        api: core.cluster.api,
        namespaces: followNamespaces({ cluster: core.cluster, logger, random: Math.random }),
        policy,
        findRecord,
        generations: (reference, signal) => operations.generations(reference, signal),
        usual: 'optedIn',
      }),
    }),
    identity: (signal) => core.signer.identity(signal),
    trust: { trustedRoot: trustedRoot(core), signerOf },
    close: () => core.close(),
  };
}

/** What people do to the ledger by hand, and the controller for them. */
export function ledgerOperations({
  ledger,
  assembly: { restorer },
  registry: { resolver },
  opened: { store },
  naming,
  verifier,
}: Core): LedgerOperations {
  return makeLedgerOperations({ ledger, restorer, resolver, store, naming, verifier });
}

function trustedRoot({ log, sigstore }: Core): Readonly<Record<string, unknown>> {
  return trustedRootFor(log.trusted[0], sigstore);
}

/** Who made a signature of a verified record. */
export function signerOf(verifier: SignatureVerifier): RecordSigner {
  if (verifier.kind === 'certificate') {
    const { identity, issuer } = parseSigningCertificate(Buffer.from(verifier.der, 'base64'));
    return { kind: 'keyless', identity, issuer };
  }
  const key = { key: Buffer.from(verifier.spki, 'base64'), format: 'der', type: 'spki' } as const;
  return {
    kind: 'key',
    publicKey: createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** A command tells its user by its output; log lines are for who asks for them. */
export function commandLogger({ logLevel }: { readonly logLevel: string | undefined }): Logger {
  if (logLevel === 'debug') return makeLogger({ level: 'debug', stream: process.stderr, clock: systemClock });
  const quiet = () => undefined;
  return { error: quiet, warn: quiet, info: quiet, debug: quiet };
}
