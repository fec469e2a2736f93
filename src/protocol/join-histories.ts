import type { LogHistory } from './ports.ts';

/**
 * One history over all shards of a log: whatever stands in an older shard is earlier, and `earlier` has the oldest first.
 * Positions are those of the shard that takes writes. Every shard must be known before the answer can be "none".
 */
export function joinHistories(active: LogHistory, earlier: readonly LogHistory[]): LogHistory {
  const all = [...earlier, active];
  return {
    async ready(signal) {
      await Promise.all(all.map((each) => each.ready(signal)));
    },
    position: () => active.position(),
    async earliest(statement, signal, how) {
      for (const each of all) {
        const entry = await each.earliest(statement, signal, how);
        if (entry !== undefined) return { ...entry, origin: each.position().origin };
      }
      return undefined;
    },
    bundleOf(entry, signal) {
      const holder = earlier.find((each) => each.position().origin === entry.origin) ?? active;
      return holder.bundleOf(entry, signal);
    },
    async holdTo(checkpoint, signal) {
      // each keeps what is its own
      for (const each of all) await each.holdTo?.(checkpoint, signal);
    },
    // who cannot answer at once may have it
    knows: (digest) => all.some((each) => each.knows?.(digest) ?? true),
  };
}
