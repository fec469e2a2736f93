import type { Programs } from './cli/ports.ts';
import { openClusterRuntime } from './compose/kubectl/open-cluster-runtime.ts';
import { runMonitor } from './compose/run-monitor.ts';
import { commandLogger, openRuntime } from './compose/runtime.ts';
import { startServing } from './compose/serve.ts';
import { callersCluster, readConfig } from './config/read-config.ts';
import { generateKey } from './rekor/key-signer.ts';

export interface ComposeSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
}

/** The composition root: the concrete parts behind the commands. */
export function composePrograms({ environment, workingDirectory }: ComposeSources): Programs {
  const home = environment['HOME'];
  const configOf = (file: string | undefined) => readConfig({ file, environment, workingDirectory });
  return {
    async openCluster(options, signal) {
      const access = callersCluster(options, { environment, workingDirectory });
      const logger = commandLogger({ logLevel: environment['TAGSEAL_LOG_LEVEL'] });
      return openClusterRuntime({ access, options, home, logger }, signal);
    },
    openRuntime: async (file) => openRuntime({ config: configOf(file), home }),
    serve: async (file, signal) => startServing({ config: configOf(file), home, signal }),
    monitor: (options, file, signal) => runMonitor(options, configOf(file), signal),
    generateKey() {
      const { privateKeyPem, publicKeyPem } = generateKey();
      return { privateKey: privateKeyPem, publicKey: publicKeyPem };
    },
  };
}
