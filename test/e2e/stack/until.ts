import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 50;

/** Looks until `isSo` holds of what it sees, and gives that; fails with the last sight after `patienceMs`. */
export async function until<Seen>(
  look: () => Promise<Seen>,
  isSo: (seen: Seen) => boolean,
  patienceMs: number,
): Promise<Seen> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${JSON.stringify(seen)}`);
    await pause(EVERY_MS);
  }
}
