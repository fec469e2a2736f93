import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { LogEntry } from '../../src/rekor/log-entry.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { answerV1, answerV2, problem, type Answer, type Asked, type LogActions } from './lying-api.ts';
import { base64, bodyAt, leafHashOf, makeTreeSigner, type View } from './lying-tree.ts';
import { ANSWER_LIES, distort, send, type AnswerLie } from './lying-answers.ts';
import { startLoopbackServer } from './loopback-server.ts';
import { naiveRoot } from './naive-merkle.ts';

/** What a log can say that is not so. */
export const TREE_LIES = {
  forgedEntry: 'an entry of ours that is not in the tree',
  forgedHead: 'a tree of its own for our entry, whose head the trusted key did not sign',
  replayedEntry: 'the entry of another statement, with its valid proof',
  otherLeaf: "a stranger's leaf, logged in place of ours, with its valid proof",
  otherProof: 'our entry with the valid proof of another',
  wrongIndex: 'our entry at an index where it does not stand',
  backDated: 'our entry at an earlier time than the log signed (v1)',
  backDatedSet: 'our entry at an earlier time, which it signs (v1)',
  noProof: 'a promise without a proof',
  wrongPlace: 'that it has our entry already, and names another',
  withheldEntry: 'that it took our entry, proven by a head that it shows to nobody else',
  splitView: 'one head to some and another of the same size to others',
  shrunkTree: 'a head of half the tree',
  forgetfulIndex: 'that its index knows nothing (v1)',
  inventiveIndex: 'that entries are over a statement which are over others (v1)',
} as const;

export type TreeLie = keyof typeof TREE_LIES;
export type Lie = TreeLie | AnswerLie;

/** A Rekor with a real tree, over real HTTP, that tells the truth until it is told to lie. */
export interface LyingLog extends AsyncDisposable {
  readonly url: string;
  /** For a transport: only an answer that never comes is not waited for. */
  readonly timeLimits: { readonly writeMs: number; readonly readMs: number };
  /** Its connections end with the log. */
  readonly dispatcher: Dispatcher;
  readonly trust: LogTrust;
  /** From now on it lies in this way, where `METHOD /path` matches; undefined: it tells the truth. */
  lie(how: Lie | undefined, where?: RegExp): void;
  /** Every request so far, as `POST /api/v2/log/entries`. */
  readonly requests: readonly string[];
  /** The leaves of the tree that takes writes. */
  readonly bodies: readonly Uint8Array[];
  /** Leaves of other people. */
  addOthers(count: number, minBytes?: number): void;
  /** Comes back without its last leaves, and with others in their place: as after a restored backup. */
  forkAfterRestart(lost: number): void;
  /** v1: begins a new shard; the entries so far stay readable. */
  rotate(): void;
  /** v2: takes no more writes (405). */
  freeze(): void;
}

export interface LyingLogOptions {
  readonly kind?: 'rekor-v1' | 'rekor-v2';
  readonly origin?: string;
  /** v1: the time that it puts into entries, in seconds since the epoch. */
  readonly now?: () => number;
}

const NEVER_ENDS: ReadonlySet<Lie> = new Set<Lie>(['silence', 'slowDrip']);
const LIMIT_MS = { whenItNeverEnds: 300, else: 60_000 };

const A_YEAR = 31_536_000;

export async function startLyingLog(options: LyingLogOptions = {}): Promise<LyingLog> {
  const { kind = 'rekor-v2', origin = 'lying.test', now = () => Math.floor(Date.now() / 1_000) } = options;
  const signer = makeTreeSigner(kind, origin);
  const impostor = makeTreeSigner(kind, origin);
  const requests: string[] = [];
  const times = new Map<string, number>();
  let bodies: Uint8Array[] = [];
  let shards: View[] = [];
  let isFrozen = false;
  let treeId = 1_234_567_890;
  let lie: { readonly how: Lie; readonly where: RegExp } | undefined;
  let how: Lie | undefined;
  let heads = 0;

  const offset = () => shards.reduce((sum, each) => sum + each.bodies.length, 0);
  const viewOf = (shown: readonly Uint8Array[]): View => ({
    treeId: String(treeId),
    offset: offset(),
    bodies: shown,
  });

  function view(): View {
    return viewOf(how === 'shrunkTree' ? bodies.slice(0, Math.floor(bodies.length / 2)) : bodies);
  }

  function note(shown: View): string {
    if (how !== 'splitView') return signer.note(shown);
    heads += 1;
    const others = [...shown.bodies.slice(0, -1), Buffer.from('what only others are shown')];
    return signer.note(heads % 2 === 0 ? { ...shown, bodies: others } : shown);
  }

  function entryIn(shown: View, index: number): LogEntry {
    const hash = leafHashOf(bodyAt(shown, index));
    const time = times.get(hash) ?? now();
    times.set(hash, time);
    return signer.entry(shown, index, time);
  }

  function write(body: Uint8Array): ReturnType<LogActions['write']> {
    const held = bodies.findIndex((each) => Buffer.compare(each, body) === 0);
    if (held >= 0) return { outcome: 'exists', entry: entryIn(view(), held) };
    const stranger = Buffer.from(`a stranger's leaf ${base64(randomBytes(8))}`);
    switch (how) {
      case 'forgedEntry':
      case 'forgedHead':
        return { outcome: 'created', entry: forged(body) };
      case 'replayedEntry':
        return { outcome: 'created', entry: entryIn(view(), 0) };
      case 'otherProof':
        return { outcome: 'created', entry: { ...entryIn(view(), 0), body: base64(body) } };
      case 'wrongPlace':
        return { outcome: 'exists', entry: entryIn(view(), 0) };
      case 'otherLeaf':
        bodies.push(stranger);
        break;
      case 'withheldEntry': {
        const secret = viewOf([...bodies, body]);
        return { outcome: 'created', entry: entryIn(secret, bodies.length) };
      }
      default:
        bodies.push(body);
    }
    return { outcome: 'created', entry: falsified(entryIn(view(), view().bodies.length - 1)) };
  }

  function forged(body: Uint8Array): LogEntry {
    const secret = viewOf([...bodies, body]);
    if (how === 'forgedHead') return { ...impostor.entry(secret, bodies.length, now()), logId: logId() };
    const { proof, ...entry } = signer.entry(secret, bodies.length, now());
    const head = { rootHash: base64(naiveRoot(bodies)), checkpoint: signer.note(view()) };
    return { ...entry, proof: { ...proof, ...head, index: 0, treeSize: bodies.length } };
  }

  function logId(): string {
    return signer.entry(viewOf([Buffer.from('any')]), 0, 1).logId;
  }

  function falsified(entry: LogEntry): LogEntry {
    if (how === 'wrongIndex') return { ...entry, logIndex: entry.logIndex + 1 };
    if (how === 'backDatedSet') return signer.signedAt(entry, entry.integratedTime - A_YEAR);
    if (how === 'backDated') return { ...entry, integratedTime: entry.integratedTime - A_YEAR };
    return entry;
  }

  const actions: LogActions = {
    view,
    earlier: () => shards,
    note,
    entry: (shown, index) => falsified(entryIn(shown, index)),
    write,
    isFrozen: () => isFrozen,
    named(uuids) {
      if (how === 'forgetfulIndex') return [];
      const others = bodies.map(
        (body) => `${BigInt(treeId).toString(16).padStart(16, '0')}${leafHashOf(body)}`,
      );
      return how === 'inventiveIndex' ? others : uuids;
    },
  };

  function answer(asked: Asked): Answer {
    const isLied = lie?.where.test(`${asked.method} ${asked.path}`) ?? false;
    how = isLied ? lie?.how : undefined;
    const said = kind === 'rekor-v1' ? answerV1(actions, asked) : answerV2(actions, asked);
    return how === 'noProof' ? withoutProof(said) : said;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = { method: request.method ?? '', path: request.url ?? '', body: await buffer(request) };
    requests.push(`${asked.method} ${asked.path}`);
    const said = answer(asked);
    if (isAnswerLie(how)) distort(how, said, response);
    else send(said, response);
  }

  const limitMs = () =>
    lie !== undefined && NEVER_ENDS.has(lie.how) ? LIMIT_MS.whenItNeverEnds : LIMIT_MS.else;

  const server = await startLoopbackServer((request, response) => {
    serve(request, response).catch((error: unknown) => send(problem(400, String(error)), response));
  });

  return {
    url: server.url,
    timeLimits: {
      get writeMs() {
        return limitMs();
      },
      get readMs() {
        return limitMs();
      },
    },
    dispatcher: server.dispatcher,
    trust: signer.trust,
    lie(next, where = /./) {
      lie = next && { how: next, where };
    },
    requests,
    get bodies() {
      return bodies;
    },
    addOthers(count, minBytes = 0) {
      const first = bodies.length;
      for (let i = 0; i < count; i += 1)
        bodies.push(Buffer.from(`other ${treeId} ${first + i}`.padEnd(minBytes)));
    },
    forkAfterRestart(lost) {
      const kept = bodies.slice(0, -lost);
      bodies = [
        ...kept,
        ...Array.from({ length: lost + 1 }, (_, i) => Buffer.from(`after the restart ${i}`)),
      ];
    },
    rotate() {
      shards = [...shards, viewOf(bodies)];
      bodies = [];
      treeId += 1;
    },
    freeze() {
      isFrozen = true;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function isAnswerLie(how: Lie | undefined): how is AnswerLie {
  return how !== undefined && how in ANSWER_LIES;
}

function withoutProof(said: Answer): Answer {
  const text = Buffer.from(said.body).toString('utf8');
  const cut = text.replaceAll(/"inclusionProof":\{(?:[^{}]|\{[^{}]*\})*\},?/g, '');
  return { ...said, body: Buffer.from(cut.replaceAll(',}', '}')) };
}
