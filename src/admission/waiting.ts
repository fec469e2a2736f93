import type { Judged } from './answer.ts';
import type { DoorRules } from './outcome.ts';

/** Each holds what it waits for. A known tag whose registry answers is gone at once, and seldom waits beside another. */
export const MAX_WAITING = 2_000;
const RETRY_SECONDS = 1;
/** No counters: the text is compared, and told again and again. */
const BUSY = 'busy: too many Pods wait for a registry or the log; they are asked about again';

/** Reviews that wait for others, so many at once. */
export interface Waiting {
  /** Undefined, and nothing begun, where there are as many as may be. */
  take<Value>(work: () => Promise<Value>): Promise<Value> | undefined;
}

export function makeWaiting(max: number): Waiting {
  let waiting = 0;
  async function counted<Value>(work: () => Promise<Value>): Promise<Value> {
    waiting += 1;
    try {
      return await work();
    } finally {
      waiting -= 1;
    }
  }
  return { take: (work) => (waiting < max ? counted(work) : undefined) };
}

/**
 * What a review gets that nobody looked at: 429, which kubectl and controllers heed by themselves. What only looks ahead
 * refuses nothing.
 */
export function shed({ door, workloads }: Pick<DoorRules, 'door' | 'workloads'>): Judged {
  if (door !== 'warn' || workloads === 'deny') {
    return { answer: { kind: 'retry', seconds: RETRY_SECONDS, message: BUSY }, findings: [] };
  }
  const auditAnnotations = new Map([['decision', 'allow']]);
  return { answer: { kind: 'allow', replacements: [], warnings: [], auditAnnotations }, findings: [] };
}
