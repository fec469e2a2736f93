import type { ErrorCode } from './code.ts';

export interface AppErrorInit {
  readonly code: ErrorCode;
  /** One line for people: what could not be done, to which thing, because what, then what to do. No secrets. */
  readonly message: string;
  readonly cause?: unknown;
  /** Seconds after which a new try can help; absent where a retry is pointless. */
  readonly retryAfterSeconds?: number;
}

/** The one error class of Tagseal. Match on `code`. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(init: AppErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.retryAfterSeconds = init.retryAfterSeconds;
  }
}

/** The error as ours; anything unknown becomes INTERNAL, whose message a door must withhold. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError({ code: 'INTERNAL', message: 'internal error', cause: error });
}
