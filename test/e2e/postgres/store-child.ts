// A process with a store of its own, told by messages what to do.
import { readFileSync } from 'node:fs';
import { sampleRecord } from '../../support/sample-record.ts';
import { NEVER, openAt } from './open.ts';
import type { OpenedStore } from '../../../src/store/opened-store.ts';

/** Of this program alone: `resourceUsage` also counts what the process was before it became this program. */
function peakRssKb(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

export type Order =
  | { readonly kind: 'open'; readonly url: string }
  | { readonly kind: 'reserve'; readonly references: readonly string[]; readonly firstSeen: string }
  | { readonly kind: 'list' }
  | { readonly kind: 'close' };

let opened: OpenedStore | undefined;

async function obey(order: Order): Promise<unknown> {
  if (order.kind === 'open') {
    opened = await openAt(order.url);
    return 'open';
  }
  if (opened === undefined) throw new Error('not open');
  const { store } = opened;
  if (order.kind === 'reserve') {
    const { references, firstSeen } = order;
    return Promise.all(
      references.map((reference) => store.reserve(sampleRecord(reference, { firstSeen }), NEVER)),
    );
  }
  if (order.kind === 'list') {
    let count = 0;
    const names = new Set<string>();
    for await (const stored of store.list(NEVER)) {
      count += 1;
      if ('record' in stored) names.add(stored.record.reference);
    }
    return { count, different: names.size, rssMb: Math.round(peakRssKb() / 1024) };
  }
  await opened.close();
  process.disconnect();
  return undefined;
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.connected && process.send?.({ answer }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
process.send?.({ answer: 'ready' });
