import type { Logger } from '../observe/log.ts';
import type { OwnLeaf } from './own-leaves.ts';
import type { LeafVerifier } from './ports.ts';

export interface LeafJudge {
  /** How many of the leaves are really ours; each of these is told once. Throws LOG_*. */
  countOurs(
    log: { readonly origin: string },
    suspects: Iterable<OwnLeaf>,
    bodyOf: (leaf: OwnLeaf) => Promise<Uint8Array>,
  ): Promise<number>;
}

/** Tells leaves that we have signed from those that only carry our key or our name: anybody can log these. */
export function makeLeafJudge(leaves: LeafVerifier, logger: Logger): LeafJudge {
  const verdicts = new Map<string, boolean>();

  async function judge(
    { origin }: { readonly origin: string },
    { index, statementDigest }: OwnLeaf,
    body: Uint8Array,
  ): Promise<boolean> {
    const isOurs = (await leaves.ownLeaf(body)) !== undefined;
    if (isOurs) {
      logger.error(
        'log.unexplained',
        { origin, index, statementDigest },
        'an entry of ours that no record explains: a record was lost, or somebody else signs with our key; see docs/log-alarms.md',
      );
    }
    return isOurs;
  }

  return {
    async countOurs(log, suspects, bodyOf) {
      let count = 0;
      for (const leaf of suspects) {
        const name = `${leaf.index} ${log.origin}`;
        const isOurs = verdicts.get(name) ?? (await judge(log, leaf, await bodyOf(leaf)));
        verdicts.set(name, isOurs);
        if (isOurs) count += 1;
      }
      return count;
    },
  };
}
