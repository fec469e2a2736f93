/** Levels as in the house rules: error = someone must act, warn = degraded, info = a verdict, debug = the rest. */
export interface Logger {
  error(event: string, fields: LogFields, message?: string): void;
  warn(event: string, fields: LogFields, message?: string): void;
  info(event: string, fields: LogFields, message?: string): void;
  debug(event: string, fields: LogFields, message?: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
