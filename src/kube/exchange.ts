import { request, type Dispatcher } from 'undici';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { KubeConnection } from './connection.ts';
import { unavailable, wireTrouble } from './kube-error.ts';

const LONGEST_WAIT_SECONDS = 600;

export interface KubeCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: unknown;
  /** Completes "cannot …" in messages. */
  readonly doing: string;
}

/** An answer whose body has not been read. */
export interface OpenAnswer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** Seconds that the server asks to wait, within reason. */
  readonly retryAfter: number | undefined;
}

/** Sends one request. The time limit and the signal are the caller's, and hold for the body too. */
export async function send(
  connection: KubeConnection,
  call: KubeCall,
  { signal, idleMs }: { readonly signal: AbortSignal; readonly idleMs?: number },
): Promise<OpenAnswer> {
  const { dispatcher, headers } = await connection.access();
  const query = new URLSearchParams(call.query).toString();
  const answer = await request(`${connection.server}${call.path}${query === '' ? '' : `?${query}`}`, {
    dispatcher,
    method: call.method,
    headers: {
      ...headers,
      accept: call.accept ?? 'application/json',
      ...(call.body !== undefined && { 'content-type': call.contentType ?? 'application/json' }),
    },
    body: call.body === undefined ? null : JSON.stringify(call.body),
    signal,
    ...(idleMs !== undefined && { bodyTimeout: idleMs }),
  });
  return opened(answer);
}

function opened({ statusCode, headers, body }: Dispatcher.ResponseData): OpenAnswer {
  const asked = /^[0-9]{1,6}$/.exec(headers['retry-after']?.toString() ?? '')?.[0];
  return {
    status: statusCode,
    body,
    retryAfter: asked === undefined ? undefined : Math.min(Math.max(Number(asked), 1), LONGEST_WAIT_SECONDS),
  };
}

/** The whole body; undefined for more than `maxBytes`. */
export async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // leaving the loop destroys the stream, and with it the connection
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A failure on the way, as ours: DEADLINE_EXCEEDED where the asker has gone, else KUBERNETES_UNAVAILABLE. */
export function explain(
  cause: unknown,
  { doing }: Pick<KubeCall, 'doing'>,
  at: { readonly server: string; readonly asker: AbortSignal; readonly limit?: AbortSignal },
): AppError {
  if (at.asker.aborted) return stopped(at.asker, doing);
  if (cause instanceof AppError) return cause;
  const why = at.limit?.aborted === true ? 'it gave no whole answer in time; try again' : wireTrouble(cause);
  return unavailable(`${doing} at ${quote(at.server)}`, why, { cause });
}

function stopped({ reason }: AbortSignal, doing: string): AppError {
  if (reason instanceof AppError) return reason;
  const message = `stopped before it could ${doing}: the time allowed for it is over; try again`;
  return new AppError({ code: 'DEADLINE_EXCEEDED', message, cause: reason });
}
