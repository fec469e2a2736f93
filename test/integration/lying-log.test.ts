import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../src/errors/code.ts';
import { makeHeadTail } from '../../src/protocol/head-tail.ts';
import { makeTail } from '../../src/protocol/tail.ts';
import { makeUndiciTransport } from '../../src/rekor/undici-transport.ts';
import { makeRekorV1Client } from '../../src/rekor/v1-client.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { ANSWER_LIES } from '../support/lying-answers.ts';
import { startLyingLog, TREE_LIES, type Lie, type LyingLog } from '../support/lying-log.ts';
import { SILENT } from '../support/test-log.ts';
import { makeTestSigner, NEVER, signedStatement } from '../support/test-signer.ts';
import { codeOf } from '../support/throw-with-code.ts';

const signer = makeTestSigner();

type Kind = 'rekor-v1' | 'rekor-v2';
type Codes = Readonly<Record<Lie, ErrorCode | undefined>>;

/** A client of the log, and what judges its answers; `follow` is what a running process does all the time. */
interface Setup {
  readonly log: LyingLog;
  submit(text: string): Promise<void>;
  follow(): Promise<void>;
}

async function setUp(kind: Kind): Promise<Setup> {
  const log = await startLyingLog({ kind });
  const { url, trust, dispatcher } = log;
  const transport = makeUndiciTransport({ baseUrl: url, dispatcher, timeLimits: log.timeLimits });
  const verifier = makeEvidenceVerifier({ keys: [signer.spki], identities: [], logs: [trust] });
  const tail = { verifier, logger: SILENT, origin: trust.origin, lifetime: NEVER };
  const read = { transport, prefix: '/api/v2' };
  const v1 = makeRekorV1Client({ url, trust, transport });
  const v2 = makeRekorV2Client({ url, trust, write: transport, read, sleep: async () => undefined });
  const [client, follower] =
    kind === 'rekor-v1' ? [v1, makeHeadTail({ head: v1, ...tail })] : [v2, makeTail({ reader: v2, ...tail })];
  return {
    log,
    async submit(text) {
      const signed = await signedStatement(text);
      const { bundle } = await client.submit(signed, NEVER);
      await verifier.verify({ ...signed, bundle });
    },
    follow: () => follower.follow(NEVER),
  };
}

/** What nobody can see in one answer alone: the tail does, or a comparison of the answer with the tail. */
const SEEN_LATER = {
  backDatedSet: undefined,
  withheldEntry: undefined,
  splitView: undefined,
  shrunkTree: undefined,
  forgetfulIndex: undefined,
  inventiveIndex: undefined,
} as const;

const ANSWERS = {
  wrongContentType: 'LOG_ENTRY_INVALID',
  html: 'LOG_ENTRY_INVALID',
  garbage: 'LOG_ENTRY_INVALID',
  garbageGzip: 'LOG_UNAVAILABLE',
  endless: 'LOG_UNAVAILABLE',
  slowDrip: 'LOG_UNAVAILABLE',
  silence: 'LOG_UNAVAILABLE',
  brokenConnection: 'LOG_UNAVAILABLE',
  redirect: 'LOG_UNAVAILABLE',
  serverError: 'LOG_UNAVAILABLE',
  rateLimited: 'LOG_UNAVAILABLE',
} as const;

const ON_WRITE: Readonly<Record<Kind, Codes>> = {
  'rekor-v2': {
    ...ANSWERS,
    ...SEEN_LATER,
    forgedEntry: 'LOG_PROOF_INVALID',
    forgedHead: 'LOG_PROOF_INVALID',
    replayedEntry: 'LOG_ENTRY_INVALID',
    otherLeaf: 'LOG_ENTRY_INVALID',
    otherProof: 'LOG_PROOF_INVALID',
    wrongIndex: 'LOG_PROOF_INVALID',
    backDated: 'LOG_ENTRY_INVALID',
    noProof: 'LOG_ENTRY_INVALID',
    wrongPlace: 'LOG_ENTRY_INVALID',
  },
  'rekor-v1': {
    ...ANSWERS,
    ...SEEN_LATER,
    forgedEntry: 'LOG_PROOF_INVALID',
    forgedHead: 'LOG_PROOF_INVALID',
    replayedEntry: 'LOG_ENTRY_INVALID',
    otherLeaf: 'LOG_ENTRY_INVALID',
    otherProof: 'LOG_PROOF_INVALID',
    wrongIndex: 'LOG_PROOF_INVALID',
    backDated: 'LOG_PROOF_INVALID',
    noProof: 'LOG_ENTRY_INVALID',
    wrongPlace: 'LOG_ENTRY_INVALID',
  },
};

describe.each(['rekor-v1', 'rekor-v2'] as const)('a %s that lies to a writer', (kind) => {
  let setup: Setup;
  beforeEach(async () => {
    setup = await setUp(kind);
    setup.log.addOthers(3);
    await setup.submit('the first');
  });
  afterEach(async () => setup.log[Symbol.asyncDispose]());

  const rows = Object.entries({ ...TREE_LIES, ...ANSWER_LIES }) as [Lie, string][];
  it.each(rows.filter(([how]) => !(how in SEEN_LATER)))('is not believed by %s: %s', async (how) => {
    setup.log.lie(how);
    expect(await codeOf(() => setup.submit('the second'))).toBe(ON_WRITE[kind][how]);
    setup.log.lie(undefined);
    expect(await codeOf(() => setup.submit('the first'))).toBeUndefined();
    expect(await codeOf(() => setup.submit('the second'))).toBeUndefined();
  });
});
