import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { faultOf, isRetry, looksRight } from './expectation.ts';
import type { Case } from './expectation.ts';

export interface Target {
  readonly port: number;
  /** PEM of the CA behind its certificate. */
  readonly ca: string;
}

/** Which reviews to send, and when to stop. */
export interface Plan {
  readonly cases: readonly Case[];
  /** How many to send in all, or for how long to send. */
  readonly until: { readonly reviews: number } | { readonly ms: number };
  /** Every n-th answer is compared in full; all others must look right. */
  readonly compareEvery: number;
  /** Called after each answer. */
  readonly onAnswer?: () => void;
}

export interface LoadResult {
  readonly answered: number;
  readonly ms: number;
  /** Milliseconds, sorted. */
  readonly latencies: Float64Array;
  readonly wrong: number;
  readonly firstFault: string | undefined;
  /** Answers that asked to come again; not counted as answered. */
  readonly retried: number;
}

export interface LoadClient {
  run(plan: Plan): Promise<LoadResult>;
  close(): void;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const MAX_LATENCIES = 1_000_000;
const RETRY_MS = 200;

type Receive = (status: number, body: Buffer) => void;

/**
 * Keeps connections to a webhook as an API server does: HTTP/1.1 over TLS, one review at a time on each. Raw sockets and
 * requests made beforehand, so that the client takes less time than any server.
 */
export async function openClient({ port, ca }: Target, connections: number): Promise<LoadClient> {
  const lines = await openLines(Array.from({ length: connections }, () => undefined));
  let offset = 0;

  async function openLines(kept: readonly (Line | undefined)[]): Promise<Line[]> {
    return Promise.all(kept.map(async (line) => (line?.isOpen() === true ? line : openLine(port, ca))));
  }

  async function run({ cases, until, compareEvery, onAnswer }: Plan): Promise<LoadResult> {
    // servers close what is idle for long
    lines.splice(0, lines.length, ...(await openLines(lines)));
    const latencies = new Float64Array(MAX_LATENCIES);
    const start = performance.now();
    const endAt = 'ms' in until ? start + until.ms : Infinity;
    const wanted = 'reviews' in until ? until.reviews : Infinity;
    let sent = 0;
    let answered = 0;
    let wrong = 0;
    let retried = 0;
    let firstFault: string | undefined;

    function next(): Case | undefined {
      if (sent >= wanted || performance.now() >= endAt) return undefined;
      const found = cases[(offset + sent) % cases.length];
      sent += 1;
      return found;
    }

    function judge(asked: Case, status: number, body: Buffer): void {
      const fault =
        answered % compareEvery === 0 || !looksRight(status, body) ? faultOf(asked, status, body) : undefined;
      if (fault === undefined) return;
      wrong += 1;
      firstFault ??= fault;
    }

    async function drive(line: Line): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      let asked = next();
      let askedAt = 0;
      function ask(): void {
        if (asked === undefined) {
          resolve(undefined);
          return;
        }
        askedAt = performance.now();
        line.send(asked.request, receive, reject);
      }
      function receive(status: number, body: Buffer): void {
        if (asked === undefined) return;
        if (!looksRight(status, body) && status === 200 && isRetry(body)) {
          retried += 1;
          setTimeout(ask, RETRY_MS);
          return;
        }
        latencies[answered % MAX_LATENCIES] = performance.now() - askedAt;
        judge(asked, status, body);
        answered += 1;
        onAnswer?.();
        asked = next();
        ask();
      }
      ask();
      await promise;
    }

    await Promise.all(lines.map(drive));
    offset = (offset + sent) % cases.length;
    const ms = performance.now() - start;
    const kept = latencies.slice(0, Math.min(answered, MAX_LATENCIES)).sort();
    return { answered, ms, latencies: kept, wrong, firstFault, retried };
  }

  return {
    run,
    close() {
      for (const line of lines) line.close();
    },
  };
}

interface Line {
  isOpen(): boolean;
  send(request: Buffer, receive: Receive, fail: (error: Error) => void): void;
  close(): void;
}

async function openLine(port: number, ca: string): Promise<Line> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  let received: Buffer = Buffer.alloc(0);
  let onAnswer: Receive = () => undefined;
  let onFailure: (error: Error) => void = () => undefined;

  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf(END_OF_HEAD);
    if (end === -1) return;
    const head = received.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) {
      onFailure(new Error(`an answer without Content-Length:\n${head}`));
      return;
    }
    const start = end + END_OF_HEAD.length;
    if (received.length < start + length) return;
    const body = received.subarray(start, start + length);
    received = received.subarray(start + length);
    onAnswer(Number(head.slice(9, 12)), body);
  });
  socket.on('error', (error: Error) => onFailure(error));
  socket.on('close', () => onFailure(new Error('the server closed a connection')));

  return {
    isOpen: () => !socket.destroyed,
    send(request, receive, fail) {
      onAnswer = receive;
      onFailure = fail;
      socket.write(request);
    },
    close: () => void socket.destroy(),
  };
}
