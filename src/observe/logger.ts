import { pino } from 'pino';
import type { LogFields, Logger } from './log.ts';
import { redact, redactText } from './redact.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Gets whole lines, several at once. `process.stdout` will do. */
  readonly stream: { write(lines: string): unknown };
  readonly clock: { now(): number };
}

export interface FlushableLogger extends Logger {
  /** Writes what is held back. Call it last of all before the process ends. */
  flush(): void;
}

interface Line {
  readonly level: LogLevel;
  readonly timeMs: number;
  readonly event: string;
  readonly fields: LogFields;
  readonly message: string | undefined;
}

const BATCH_LINES = 64;
const MAX_DELAY_MS = 100;

/**
 * One JSON object a line: `level`, `time` (RFC 3339), `event`, the fields, `msg`. Info and debug are rendered and written in
 * batches, at most 0.1 s late, since one by one they would be a tenth of what an admission costs. Fields must not be
 * changed after the call.
 */
export function makeLogger({ level, stream, clock }: LoggerOptions): FlushableLogger {
  let rendered: string[] = [];
  const lines = pino(
    { level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => void rendered.push(line) },
  );
  let held: Line[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = held;
    held = [];
    for (const line of batch) render(line);
    if (rendered.length === 0) return;
    const text = rendered.join('');
    rendered = [];
    stream.write(text);
  }

  function render({ level: at, timeMs, event, fields, message }: Line): void {
    const safe = redact({ time: new Date(timeMs).toISOString(), event }, fields);
    lines[at](safe, message === undefined ? undefined : redactText(message));
  }

  function log(at: LogLevel, event: string, fields: LogFields, message?: string): void {
    if (!lines.isLevelEnabled(at)) return;
    held.push({ level: at, timeMs: clock.now(), event, fields, message });
    if (held.length >= BATCH_LINES || at === 'error' || at === 'warn') flush();
    else timer ??= setTimeout(flush, MAX_DELAY_MS).unref();
  }

  return {
    flush,
    error: (event, fields, message) => log('error', event, fields, message),
    warn: (event, fields, message) => log('warn', event, fields, message),
    info: (event, fields, message) => log('info', event, fields, message),
    debug: (event, fields, message) => log('debug', event, fields, message),
  };
}
