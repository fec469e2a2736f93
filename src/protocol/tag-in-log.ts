import { AppError } from '../errors/app-error.ts';
import type { Privacy } from '../ledger/record.ts';
import type { TagReference } from '../reference/reference.ts';
import type { Naming } from './naming.ts';
import type { LogHistory, OwnEntry } from './ports.ts';

/** What the log alone tells of a tag: that it is taken, and how often it has moved. */
export interface TagInLog {
  readonly privacy: Privacy;
  /** The newest. */
  readonly generation: number;
  /** The claim on it. */
  readonly claim: OwnEntry;
}

/** Each costs a look-up; a tag that moves every hour for a year has fewer. */
const MAX_GENERATIONS = 10_000;

/**
 * The newest generation of the tag that the log has a claim of ours on, counted from generation `from`; undefined only when
 * it surely has none. Call `history.ready` first. Throws as LogHistory, and RECORD_INVALID after 10,000 generations.
 */
export async function findInLog(
  reference: TagReference,
  { privacies, from }: { readonly privacies: readonly Privacy[]; readonly from: number },
  { naming, history }: { readonly naming: Naming; readonly history: Pick<LogHistory, 'earliest'> },
  signal: AbortSignal,
): Promise<TagInLog | undefined> {
  for (const [i, privacy] of privacies.entries()) {
    const ask = (generation: number, how: 'openly' | 'secretly' = 'openly') =>
      history.earliest(naming.claim(reference, privacy, generation), signal, how);
    // a name that is private now would be told by the question whether it was plain before
    const isPrivate = i > 0 && privacy === 'plain';
    let generation = from;
    let claim = await ask(generation, isPrivate ? 'secretly' : 'openly');
    if (claim === undefined) continue;
    for (let next = await ask(generation + 1); next !== undefined; next = await ask(generation + 1)) {
      generation += 1;
      claim = next;
      if (generation - from >= MAX_GENERATIONS) throw endless(reference);
    }
    return { privacy, generation, claim };
  }
  return undefined;
}

function endless({ canonical }: TagReference): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot find the newest generation of ${canonical}: the log holds more than ${MAX_GENERATIONS}; restore the records from a backup`,
  });
}
