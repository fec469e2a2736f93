import { AppError } from '../errors/app-error.ts';
import { statementDigest } from '../ledger/statement.ts';
import type { HeadTail } from './head-tail.ts';
import type {
  Candidate,
  EvidenceVerifier,
  LogHistory,
  LogSearch,
  OwnEntry,
  StatementSigner,
} from './ports.ts';

export interface SearchHistoryParts {
  readonly head: HeadTail;
  readonly search: LogSearch;
  readonly signer: Pick<StatementSigner, 'deterministic' | 'sign'>;
  readonly verifier: Pick<EvidenceVerifier, 'candidate' | 'own' | 'verify'>;
}

/**
 * The history of a log that nobody can follow leaf by leaf (v1). A deterministic signature makes one entry for ever,
 * whose look-up is exact; what the index adds are entries by other keys or certificates of ours, in any shard.
 */
export function makeSearchHistory({ head, search, signer, verifier }: SearchHistoryParts): LogHistory {
  async function ownAmong(some: readonly Candidate[], statement: string): Promise<readonly OwnEntry[]> {
    const digest = statementDigest(statement);
    const found: OwnEntry[] = [];
    for (const { index, body } of some) {
      // anybody may log whatever he likes over it: what names none of us is not worth a signature's verification
      if (verifier.candidate(body) !== digest) continue;
      const signed = await verifier.own(statement, body);
      if (signed !== undefined) found.push({ index, signed });
    }
    return found;
  }

  /** Those of the first batch that has one: another entry over the same statement says nothing else. */
  async function searched(
    statement: string,
    treeSize: number,
    signal: AbortSignal,
  ): Promise<readonly OwnEntry[]> {
    for await (const some of search.candidates(statementDigest(statement), signal)) {
      const found = (await ownAmong(some, statement)).filter(({ index }) => index < treeSize);
      if (found.length > 0) return found;
    }
    return [];
  }

  async function held(statement: string, signal: AbortSignal): Promise<readonly OwnEntry[]> {
    if (!signer.deterministic) return [];
    const signed = await signer.sign(statement, signal);
    const bundle = await search.held(signed, signal);
    if (bundle === undefined) return [];
    const { logIndex } = await verifier.verify({ ...signed, bundle });
    return [{ index: logIndex, signed }];
  }

  return {
    ready: (signal) => head.ready(signal),
    position: () => head.position(),
    async earliest(statement, signal, how = 'openly') {
      const { treeSize } = head.position();
      const found = await Promise.all([
        how === 'secretly' ? [] : searched(statement, treeSize, signal),
        // by the hash of the entry: who does not have our key cannot guess the signature in it
        held(statement, signal),
      ]);
      return found
        .flat()
        .filter(({ index }) => index < treeSize)
        .reduce<OwnEntry | undefined>(
          (first, each) => (first === undefined || each.index < first.index ? each : first),
          undefined,
        );
    },
    async bundleOf({ index, signed }, signal) {
      const bundle = await search.held(signed, signal);
      if (bundle !== undefined) return bundle;
      throw new AppError({
        code: 'LOG_ENTRY_INVALID',
        message:
          `cannot prove entry ${index} of the log ${head.position().origin}: its index names the entry and the log does ` +
          `not give it; ask the log's operator`,
      });
    },
  };
}
