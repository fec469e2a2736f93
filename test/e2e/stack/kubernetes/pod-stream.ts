import { pathOf } from '../../../../src/kube/address.ts';
import type { KubeConnection } from '../../../../src/kube/connection.ts';
import { readAtMost, send } from '../../../../src/kube/exchange.ts';
import { PODS } from '../../../../src/kube/resources.ts';
import { until } from '../until.ts';

const EVERY_MS = 100;
const TIME_LIMIT_MS = 15_000;
const MOST_IN_FLIGHT = 40;
const MAX_BYTES = 1_000_000;
const PATIENCE_MS = 150_000;

/** What the API server made of a Pod. */
export type Asked =
  | { readonly kind: 'admitted'; readonly image: string }
  /** By an admission webhook, or for want of one. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  /** No answer. */
  | { readonly kind: 'lost'; readonly message: string };

export interface PodPlace {
  readonly connection: KubeConnection;
  readonly namespace: string;
}

/** Creates a Pod of the image that is never scheduled, in one exchange and without a second try. */
export async function askForPod(
  { connection, namespace }: PodPlace,
  image: string,
  { dryRun }: { readonly dryRun: boolean },
): Promise<Asked> {
  const call = {
    method: 'POST',
    path: pathOf({ ...PODS, namespace }),
    ...(dryRun && { query: { dryRun: 'All' } }),
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'held-' },
      spec: { schedulingGates: [{ name: 'tagseal.test/held' }], containers: [{ name: 'main', image }] },
    },
    doing: 'create a Pod',
  } as const;
  try {
    const answer = await send(connection, call, { signal: AbortSignal.timeout(TIME_LIMIT_MS) });
    const text = Buffer.from((await readAtMost(answer.body, MAX_BYTES)) ?? []).toString('utf8');
    return answer.status === 201
      ? { kind: 'admitted', image: imageIn(text) }
      : { kind: 'refused', status: answer.status, message: text };
  } catch (error) {
    return { kind: 'lost', message: String(error) };
  }
}

function imageIn(text: string): string {
  const { spec } = JSON.parse(text) as { spec: { containers: readonly { image: string }[] } };
  return spec.containers[0]?.image ?? '';
}

export interface StreamPlan extends PodPlace {
  /** Recorded tags, and the image texts that they must become. */
  readonly known: ReadonlyMap<string, string>;
  /** Recorded tags that point elsewhere now. */
  readonly moved: readonly string[];
  /** Default: ten a second. */
  readonly everyMs?: number;
}

export interface Tally {
  /** Dry runs of known tags that were pinned as they must be. */
  readonly admitted: number;
  /** Pods of moved tags that were refused for that. */
  readonly refused: number;
  /** Calls that came to neither, and to nothing wrong. */
  readonly failures: readonly string[];
  /** What must never be. */
  readonly wrong: readonly string[];
}

export interface PodStream extends AsyncDisposable {
  seen(): Tally;
  /** Resolves once so many known tags in a row were admitted, and moved ones refused, with no failure in between. */
  passes(count: number): Promise<void>;
  /** Resolves at the next failure. */
  fails(): Promise<void>;
  /** No more of them; resolves when the last has its answer. */
  stop(): Promise<Tally>;
}

/** Pods without end, at a steady rate whatever becomes of them: known tags as dry runs, and half as many moved ones for real. */
export function startPodStream({ known, moved, everyMs = EVERY_MS, ...place }: StreamPlan): PodStream {
  const failures: string[] = [];
  const wrong: string[] = [];
  const inFlight = new Set<Promise<void>>();
  let admitted = 0;
  let refused = 0;
  let turn = 0;

  async function askKnown(image: string, pinned: string): Promise<void> {
    const asked = await askForPod(place, image, { dryRun: true });
    if (asked.kind !== 'admitted') failures.push(told(image, asked));
    else if (asked.image === pinned) admitted += 1;
    else wrong.push(`${image} became ${asked.image}`);
  }

  async function askMoved(image: string): Promise<void> {
    const asked = await askForPod(place, image, { dryRun: false });
    if (asked.kind === 'admitted') wrong.push(`${image} was admitted as ${asked.image}`);
    else if (asked.message.includes('tag moved')) refused += 1;
    else failures.push(told(image, asked));
  }

  function begin(asking: Promise<void>): void {
    inFlight.add(asking);
    void asking.finally(() => inFlight.delete(asking));
  }

  const knownTags = [...known];
  const timer = setInterval(() => {
    if (inFlight.size >= MOST_IN_FLIGHT) return;
    turn += 1;
    const [image, pinned] = knownTags[turn % knownTags.length] ?? [];
    if (image !== undefined && pinned !== undefined) begin(askKnown(image, pinned));
    const other = turn % 2 === 0 ? moved[(turn / 2) % moved.length] : undefined;
    if (other !== undefined) begin(askMoved(other));
  }, everyMs);

  const seen = (): Tally => ({ admitted, refused, failures: [...failures], wrong: [...wrong] });
  async function stop(): Promise<Tally> {
    clearInterval(timer);
    await Promise.all(inFlight);
    return seen();
  }

  return {
    seen,
    stop,
    async passes(count) {
      let from = seen();
      await until(
        () => Promise.resolve(seen()),
        (now) => {
          if (now.failures.length > from.failures.length) from = now;
          const isRefusing = moved.length === 0 || now.refused - from.refused >= count / 4;
          return now.admitted - from.admitted >= count && isRefusing;
        },
        PATIENCE_MS,
      );
    },
    async fails() {
      const before = failures.length;
      await until(
        () => Promise.resolve(failures.length),
        (now) => now > before,
        PATIENCE_MS,
      );
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

function told(image: string, asked: Exclude<Asked, { kind: 'admitted' }>): string {
  const at = new Date().toISOString();
  return asked.kind === 'lost'
    ? `${at} ${image}: ${asked.message}`
    : `${at} ${image}: ${asked.status} ${asked.message}`;
}
