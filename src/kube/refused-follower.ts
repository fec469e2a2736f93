import type { Logger } from '../observe/log.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, textOf } from './fields.ts';
import { makeListWatch } from './list-watch.ts';
import { TAG_RECORDS } from './resources.ts';

export interface RefusedFollowerParts {
  readonly api: Pick<KubeApi, 'listPage' | 'watch'>;
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
}

/** The API server selects by `!=` and by "and" alone: whatever is in none of the phases that count. */
const REFUSED = ['Reserved', 'Logged', 'Confirmed'].map((phase) => `status.phase!=${phase}`).join();

interface Refused {
  readonly claimId: string;
  readonly generation: number;
}

/**
 * Tells of each record in a phase that denies, until `signal`: one replica compares the log with the records, and the
 * others remember what it found to be wrong. They are few.
 */
export async function followRefused(
  parts: RefusedFollowerParts,
  onRefused: (claimId: string, generation: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const tell = ({ claimId, generation }: Refused) => onRefused(claimId, generation);
  await makeListWatch<Refused>({
    ...parts,
    resource: TAG_RECORDS,
    options: { fieldSelector: REFUSED },
    transform: refusedOf,
    onReplace: (all) => [...all.values()].forEach(tell),
    onUpsert: (_key, refused) => tell(refused),
    onDelete: () => undefined,
  }).run(signal);
}

function refusedOf({ spec }: KubeObject): Refused | undefined {
  const { claimId, generation } = fieldsOf(spec);
  const id = textOf(claimId);
  return id === undefined || typeof generation !== 'number' ? undefined : { claimId: id, generation };
}
