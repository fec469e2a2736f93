import { pino } from 'pino';
import type { LogFields, Logger } from './log.ts';
import { redact, redactText } from './redact.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogStream {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly stream: LogStream;
}

/** One JSON object a line: `level`, `time` (RFC 3339), `event`, the fields, `msg`. */
export function makeLogger({ level, stream }: LoggerOptions): Logger {
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // our own redaction runs before; pino's would only see the paths that somebody listed
      serializers: {},
    },
    stream,
  );

  function write(at: LogLevel, event: string, fields: LogFields, message?: string): void {
    if (!lines.isLevelEnabled(at)) return;
    lines[at]({ event, ...redact(fields) }, message === undefined ? undefined : redactText(message));
  }

  return {
    error: (event, fields, message) => write('error', event, fields, message),
    warn: (event, fields, message) => write('warn', event, fields, message),
    info: (event, fields, message) => write('info', event, fields, message),
    debug: (event, fields, message) => write('debug', event, fields, message),
  };
}

export interface FlushableStream extends LogStream {
  /** Writes what is buffered, now. Call it last of all. */
  flushSync(): void;
}

/** A file descriptor written in batches, at least ten times a second: a log line costs the hot path no system call. */
export function batchedStream(fd: number): FlushableStream {
  return pino.destination({ dest: fd, sync: false, minLength: 8192, periodicFlush: 100 });
}
