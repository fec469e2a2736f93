import { pause as pauseFor } from '../cache/pause.ts';
import { quote } from '../errors/quote.ts';
import type { KubeConnection } from './connection.ts';
import { explain, readAtMost, send, type KubeCall } from './exchange.ts';
import { parseJson } from './json.ts';
import { refused, unavailable } from './kube-error.ts';
import { parseStatus, ShapeError, type Status } from './parse-object.ts';

const TIME_LIMIT_MS = 10_000;
const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 100;
/** Who is asked to wait longer than this waits by himself. */
const LONGEST_PAUSE_MS = 2_000;
const MAX_STATUS_BYTES = 2 * 1024 * 1024;

export interface WholeCall extends KubeCall {
  readonly maxBytes: number;
  readonly isList?: boolean;
  /** Doing it twice is doing it once: repeated after a broken exchange and after 5xx, others only where it was not done. */
  readonly idempotent: boolean;
}

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: number; readonly status: Status };

export interface CallParts {
  readonly connection: KubeConnection;
  /** 0 to 1. */
  readonly random: () => number;
  /** For one exchange, its whole answer included; a list may take three times as long. */
  readonly timeLimitMs?: number;
  readonly pause?: typeof pauseFor;
}

export interface MakeCall {
  /** A whole answer, 4xx included. Throws KUBERNETES_UNAVAILABLE, KUBERNETES_REFUSED (401), DEADLINE_EXCEEDED. */
  (call: WholeCall, signal: AbortSignal): Promise<Answer>;
}

type Tried = Answer | { readonly again: Error; readonly waitMs: number | undefined };

/** Calls with time limits, and with bounded tries where a new one can help. */
export function makeCall(parts: CallParts): MakeCall {
  const { connection, random, timeLimitMs = TIME_LIMIT_MS, pause = pauseFor } = parts;
  const { server } = connection;

  async function once(call: WholeCall, signal: AbortSignal): Promise<Tried> {
    const limit = AbortSignal.timeout(timeLimitMs * (call.isList === true ? 3 : 1));
    try {
      return await exchange(call, AbortSignal.any([signal, limit]));
    } catch (cause) {
      const error = explain(cause, call, { server, asker: signal, limit });
      const canHelp = call.idempotent && error.code === 'KUBERNETES_UNAVAILABLE' && !limit.aborted;
      if (signal.aborted || !canHelp) throw error;
      return { again: error, waitMs: undefined };
    }
  }

  async function exchange(call: WholeCall, signal: AbortSignal): Promise<Tried> {
    const { status: code, body, retryAfter } = await send(connection, call, { signal });
    const isGood = code >= 200 && code < 300;
    const bytes = await readAtMost(body, isGood ? call.maxBytes : MAX_STATUS_BYTES);
    if (isGood) return { ok: true, value: parsed(bytes, call) };
    const status = parseStatus(parseJson(bytes));
    if (code !== 429 && code < 500) return { ok: false, code, status };
    const trouble = unavailable(at(call), `the server said ${saying(code, status)}; try again`, {
      after: retryAfter,
    });
    // of too many requests none was looked at
    if (code !== 429 && !call.idempotent) throw trouble;
    return { again: trouble, waitMs: retryAfter === undefined ? undefined : retryAfter * 1_000 };
  }

  function parsed(bytes: Uint8Array | undefined, call: WholeCall): unknown {
    if (bytes === undefined)
      throw refused(at(call), `the answer is longer than ${call.maxBytes} bytes; make it smaller`);
    const value = parseJson(bytes);
    if (value === undefined)
      throw unavailable(at(call), 'the answer is no JSON; check what serves this address');
    return value;
  }

  function at({ doing }: KubeCall): string {
    return `${doing} at ${quote(server)}`;
  }

  return async (call, signal) => {
    let isRenewed = false;
    for (let tries = 1; ; tries += 1) {
      const tried = await once(call, signal);
      if ('again' in tried) {
        const waitMs = tried.waitMs ?? FIRST_PAUSE_MS * 2 ** tries * (0.5 + random());
        if (tries >= MAX_TRIES || waitMs > LONGEST_PAUSE_MS) throw tried.again;
        await pause(waitMs, signal);
        continue;
      }
      if (tried.ok || tried.code !== 401) return tried;
      if (isRenewed) throw rejected(at(call), tried);
      // a token may have been exchanged for a new one since it was read
      isRenewed = true;
      connection.renew();
    }
  };
}

/** An error for an answer with which the caller can do nothing: KUBERNETES_REFUSED. */
export function rejected(doing: string, { code, status }: Extract<Answer, { ok: false }>): Error {
  return refused(doing, `the server said ${saying(code, status)}; ${ADVICE[code] ?? 'see its message'}`);
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'log in again, or give a token that it knows',
  403: 'grant it with a Role or ClusterRole',
  404: 'check that the resource is installed: the chart brings the CRDs',
  422: 'see its message',
};

function saying(code: number, { message, reason }: Status): string {
  return message === '' ? `${code}` : `${quote(message)} (${code}${reason === '' ? '' : ` ${reason}`})`;
}

/** Makes something of a good answer; what has not the shape of it is an outage, for the server did not write it. */
export function shaped<Value>(doing: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw unavailable(doing, `the answer cannot be used: ${error.message}; check what serves this address`, {
      cause: error,
    });
  }
}
