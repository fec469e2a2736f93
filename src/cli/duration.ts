import { InvalidArgumentError } from 'commander';

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MAX_MS = 24 * 3_600_000;

/** `500ms`, `60s`, `2m`, `1h` as milliseconds. Throws commander's error for a wrong argument. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * (MILLISECONDS[unit ?? ''] ?? Number.NaN);
  if (!(ms > 0 && ms <= MAX_MS)) {
    throw new InvalidArgumentError('write a time between 1ms and 24h, like 500ms, 60s or 2m.');
  }
  return ms;
}
