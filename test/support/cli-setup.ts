import { makeCheckImage } from '../../src/check/check-image.ts';
import { makeCheckWorkload } from '../../src/check/check-workload.ts';
import type { Io, Programs, Runtime } from '../../src/cli/ports.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { parsePolicy } from '../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../src/policy/rule-for.ts';
import { makeMemoryLedger } from './memory-ledger.ts';
import { makeScriptedResolver } from './scripted-registry.ts';

export const TRUST: Runtime['trust'] = {
  trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
  publicKey: '-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----\n',
};

export interface CliChange {
  readonly io?: Partial<Io>;
  readonly programs?: Partial<Programs>;
  readonly runtime?: Partial<Runtime>;
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly debug?: boolean;
}

/** The command line over the real flow, with a ledger and a registry in memory; what it writes is kept. */
export function setUpCli(change: CliChange = {}) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...change.rule }]));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: () => 'incident-1' });
  const configFiles: (string | undefined)[] = [];
  let open = 0;

  const programs: Programs = {
    async openRuntime(configFile) {
      configFiles.push(configFile);
      open++;
      return {
        checkImage,
        checkWorkload: makeCheckWorkload(checkImage),
        findRecord: (reference, signal) => ledger.find(reference, signal),
        trust: TRUST,
        close: async () => {
          open--;
        },
        ...change.runtime,
      };
    },
    async serve() {
      return { banner: [], stopped: Promise.resolve() };
    },
    generateKey: () => ({ privateKey: 'PRIVATE\n', publicKey: 'PUBLIC\n' }),
    ...change.programs,
  };

  async function run(...argv: readonly string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const io: Io = {
      stdout: (text) => void out.push(text),
      stderr: (text) => void err.push(text),
      readStdin: async () => new Uint8Array(),
      isTerminal: false,
      color: false,
      signal: new AbortController().signal,
      version: '1.2.3',
      ...change.io,
    };
    const code = await runCli(argv, { io, programs, debug: change.debug ?? false });
    return { code, stdout: out.join(''), stderr: err.join(''), stillOpen: open };
  }

  return { ledger, resolver, configFiles, run };
}
