import { makeCheckWorkload } from '../check/check-workload.ts';
import type { Runtime } from '../cli/ports.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import { makeLogger } from '../observe/logger.ts';
import { trustedRootFor } from '../rekor/trusted-root.ts';
import { openCore } from './core.ts';

/** The core for one command: the same parts as behind `serve`, without its doors. */
export async function openRuntime(options: {
  readonly config: Config;
  readonly home: string | undefined;
}): Promise<Runtime> {
  const { config, home } = options;
  const core = await openCore({ config, home, logger: commandLogger(config), clock: systemClock });
  const checkImage = core.checkImageWith(core.registry);
  return {
    checkImage,
    checkWorkload: makeCheckWorkload(checkImage),
    findRecord: (reference, signal) => core.readRecord(reference, signal),
    trust: {
      trustedRoot: trustedRootFor(core.log.trusted[0]),
      publicKey: core.signer.publicKeyPem,
    },
    close: () => core.close(),
  };
}

/** A command tells its user by its output; log lines are for who asks for them. */
function commandLogger({ logLevel }: Config): Logger {
  if (logLevel === 'debug') return makeLogger({ level: 'debug', stream: process.stderr, clock: systemClock });
  const quiet = () => undefined;
  return { error: quiet, warn: quiet, info: quiet, debug: quiet };
}
