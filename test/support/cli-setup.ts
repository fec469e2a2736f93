import { makeCheckImage } from '../../src/check/check-image.ts';
import { makeCheckWorkload } from '../../src/check/check-workload.ts';
import type { ClusterOptions, ClusterRuntime } from '../../src/cli/kubectl/ports.ts';
import type { Io, Programs, Runtime } from '../../src/cli/ports.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { parsePolicy } from '../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../src/policy/rule-for.ts';
import { makeMemoryLedger } from './memory-ledger.ts';
import { makeScriptedResolver } from './scripted-registry.ts';

/** P-256, made for tests. */
export const PUBLIC_KEY =
  '-----BEGIN PUBLIC KEY-----\n' +
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEY++QmBWCOvFZyAHmOnkzVR6kcozg\n' +
  '7O8183DJq2nVSAneqjIPD1gIhZ8XRW4Hmg6TjZcg+C5fty25fdUocovRiw==\n' +
  '-----END PUBLIC KEY-----\n';

export const KEYLESS = {
  kind: 'keyless',
  identity: 'https://kubernetes.io/namespaces/tagseal/serviceaccounts/tagseal',
  issuer: 'https://issuer.example.com',
} as const;

/** A key is ours; a certificate is the one keyless identity. */
export const TRUST: Runtime['trust'] = {
  trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', ctlogs: [] },
  signerOf: ({ kind }) => (kind === 'publicKey' ? { kind: 'key', publicKey: PUBLIC_KEY } : KEYLESS),
};

export interface CliChange {
  readonly io?: Partial<Io>;
  readonly programs?: Partial<Programs>;
  readonly runtime?: Partial<Runtime>;
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly debug?: boolean;
  readonly as?: 'kubectl tagseal';
  /** What a cluster does beside the runtime. */
  readonly cluster?: Partial<ClusterRuntime>;
}

/** The command line over the real flow, with a ledger and a registry in memory; what it writes is kept. */
export function setUpCli(change: CliChange = {}) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...change.rule }]));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: () => 'incident-1' });
  const configFiles: (string | undefined)[] = [];
  const clusters: ClusterOptions[] = [];
  let open = 0;

  const programs: Programs = {
    async openRuntime(configFile) {
      configFiles.push(configFile);
      return opened();
    },
    async openCluster(options) {
      clusters.push(options);
      return { ...opened(), approve: noApproval, ...change.cluster };
    },
    async serve() {
      return { banner: [], stopped: Promise.resolve() };
    },
    async *monitor() {
      yield* [];
    },
    generateKey: () => ({ privateKey: 'PRIVATE\n', publicKey: 'PUBLIC\n' }),
    ...change.programs,
  };

  function opened(): Runtime {
    open++;
    return {
      checkImage,
      checkWorkload: makeCheckWorkload(checkImage),
      findRecord: (reference, signal) => ledger.find(reference, signal),
      async generations(reference, signal) {
        const found = await ledger.find(reference, signal);
        return found === undefined ? [] : [{ kind: 'verified', ...found }];
      },
      async *tags() {
        yield* [];
      },
      accept: unexpected,
      explain: unexpected,
      restore: unexpected,
      importRecord: unexpected,
      identity: async () => ({ kind: 'key', publicKey: PUBLIC_KEY }),
      trust: TRUST,
      close: async () => {
        open--;
      },
      ...change.runtime,
    };
  }

  async function run(...argv: readonly string[]) {
    const out: string[] = [];
    const bytes: Uint8Array[] = [];
    const err: string[] = [];
    const io: Io = {
      stdout: (text) => void out.push(text),
      stderr: (text) => void err.push(text),
      stdoutBytes: async (chunk) => void bytes.push(Buffer.from(chunk)),
      readStdin: async () => new Uint8Array(),
      async *stdin() {
        yield* [];
      },
      isTerminal: false,
      outputIsTerminal: false,
      color: false,
      userName: () => 'jane',
      signal: new AbortController().signal,
      version: '1.2.3',
      nodeVersion: '24.0.0',
      ...change.io,
    };
    const code = await runCli(argv, {
      io,
      programs,
      debug: change.debug ?? false,
      ...(change.as && { as: change.as }),
    });
    const written = { stdout: out.join(''), stderr: err.join('') };
    return { code, ...written, stillOpen: open, ...(bytes.length > 0 && { bytes: Buffer.concat(bytes) }) };
  }

  return { ledger, resolver, configFiles, clusters, run };
}

function unexpected(): Promise<never> {
  return Promise.reject(new Error('this test did not expect the call'));
}

async function* noApproval(): AsyncGenerator<never> {
  yield* [];
  throw new Error('this test did not expect the call');
}
