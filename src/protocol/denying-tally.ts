import type { RecordPhase, TagRecord } from '../ledger/record.ts';

type Denying = Extract<RecordPhase, 'Unlogged' | 'Conflicted'>;

/** Tags that are refused for what the log says of their record. Once a newer generation stands, an older one refuses nobody. */
export interface DenyingTally {
  /** Every generation of every tag once, in any order, in the phase that it is in by now. */
  see(record: Pick<TagRecord, 'claimId' | 'generation'>, phase: RecordPhase): void;
  count(phase: Denying): number;
}

export function makeDenyingTally(): DenyingTally {
  const denying = new Map<string, { readonly generation: number; readonly phase: Denying }>();
  // first sights are nearly all records, and stand after nothing: only later generations are kept
  const standing = new Map<string, number>();

  return {
    see({ claimId, generation }, phase) {
      if (phase === 'Unlogged' || phase === 'Conflicted') {
        if ((denying.get(claimId)?.generation ?? -1) < generation)
          denying.set(claimId, { generation, phase });
      } else if (generation > (standing.get(claimId) ?? 0)) standing.set(claimId, generation);
    },
    count(phase) {
      const tags = [...denying].filter(
        ([claimId, worst]) => worst.phase === phase && (standing.get(claimId) ?? -1) < worst.generation,
      );
      return tags.length;
    },
  };
}
