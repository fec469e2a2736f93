import { join } from 'node:path';
import { runProcess, type Finished } from '../../../support/start-process.ts';
import { goTool } from '../install.ts';

export interface ClientOptions {
  /** For `-f -`. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs a real client to its end against the cluster, as its administrator. */
export type Client = (args: readonly string[], options?: ClientOptions) => Promise<Finished>;

export interface Clients {
  readonly kubectl: Client;
  readonly helm4: Client;
  readonly helm3: Client;
}

/** Clients that read the kubeconfig and keep their own files in `folder`. */
export function makeClients(folder: string, kubeconfig: string): Clients {
  const home = join(folder, 'home');
  const env = {
    KUBECONFIG: kubeconfig,
    HOME: home,
    HELM_CACHE_HOME: join(home, 'helm-cache'),
    HELM_CONFIG_HOME: join(home, 'helm-config'),
    HELM_DATA_HOME: join(home, 'helm-data'),
  };
  const client =
    (program: string): Client =>
    (args, options) =>
      runProcess(program, args, { env, ...options });
  return {
    kubectl: client(goTool('kubectl')),
    helm4: client(goTool('helm4')),
    helm3: client(goTool('helm3')),
  };
}

/** The same, but a failure is an error that holds what the client said. */
export async function succeed(finished: Promise<Finished>): Promise<string> {
  const { code, stdout, stderr } = await finished;
  if (code !== 0) throw new Error(`exit code ${code}:\n${stdout}${stderr}`);
  return stdout;
}
