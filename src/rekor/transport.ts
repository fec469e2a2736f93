import { AppError } from '../errors/app-error.ts';

export interface LogRequest {
  readonly method: 'GET' | 'POST';
  /** Absolute path, for example `/api/v2/checkpoint`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The longest answer that makes sense; a longer one is an error. */
  readonly maxBytes: number;
  /** Strangers may make it as long as they like: a longer one is no fault of the log, and comes back without its body. */
  readonly mayBeCut?: boolean;
  readonly signal: AbortSignal;
}

export interface LogResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The body was longer than allowed, and is left out. */
  readonly isCut?: boolean;
}

/** One exchange with a log, over HTTP or in process. Throws LOG_UNAVAILABLE, DEADLINE_EXCEEDED. */
export type LogTransport = (request: LogRequest) => Promise<LogResponse>;

/** Why an aborted signal was aborted, as ours. `doing` completes "stopped …". */
export function aborted(signal: AbortSignal, doing: string): AppError {
  if (signal.reason instanceof AppError) return signal.reason;
  const message = `stopped ${doing}: the time allowed for it is over; try again`;
  return new AppError({ code: 'DEADLINE_EXCEEDED', message, cause: signal.reason });
}
