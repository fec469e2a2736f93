import type { SignedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import { statementDigest } from '../ledger/statement.ts';
import { isLogged } from '../ledger/tag-record.ts';
import type { OwnLeaf } from './own-leaves.ts';
import type { EvidenceVerifier } from './ports.ts';
import type { OwnBelow } from './tail.ts';

/** One log, or one shard of it, as far as it was read and verified. */
export interface ReadLog {
  readonly origin: string;
  /** As bundles name it: base64. */
  readonly logId: string;
  /** Leaves below this were read. */
  readonly treeSize: number;
  readonly own: OwnBelow;
  /** Whether the leaf is over this very statement and signed by us; reads it again. Throws LOG_*. */
  isOurs(statement: string, leaf: OwnLeaf): Promise<boolean>;
}

/**
 * What the log says of a record. `waiting`: the log was not read so far yet; `foreign`: it is in a log that nobody reads
 * here.
 */
export type Finding =
  | { readonly kind: 'confirmed' | 'waiting' | 'foreign' }
  /** The bundle names an index where another leaf stands. */
  | { readonly kind: 'unlogged'; readonly index: number }
  /** A claim of ours is older than the reservation, and the log had no binding with this digest then. */
  | { readonly kind: 'conflicted'; readonly index: number };

/**
 * Holds a record against the logs, the oldest shard first. Throws what `verify` throws for a record whose evidence does
 * not verify, and LOG_*.
 */
export async function auditRecord(
  record: TagRecord,
  logs: readonly ReadLog[],
  verifier: Pick<EvidenceVerifier, 'verify' | 'leafHash'>,
): Promise<Finding> {
  const conflict = await findOlderClaim(record, logs);
  if (conflict !== undefined) return conflict;
  const found = [
    await findEntry(record.claim, logs, verifier),
    await findEntry(record.binding, logs, verifier),
  ];
  return (
    found.find(({ kind }) => kind === 'unlogged') ??
    found.find(({ kind }) => kind !== 'confirmed') ?? { kind: 'confirmed' }
  );
}

/** Whether the leaf that a bundle proves stands where it says. */
async function findEntry(
  signed: SignedStatement,
  logs: readonly ReadLog[],
  verifier: Pick<EvidenceVerifier, 'verify' | 'leafHash'>,
): Promise<Finding> {
  if (!isLogged(signed)) return { kind: 'waiting' };
  const { logId, logIndex: index } = await verifier.verify(signed);
  const log = logs.find((each) => each.logId === logId);
  if (log === undefined) return { kind: 'foreign' };
  if (log.treeSize <= index) return { kind: 'waiting' };
  const isThere = log.own.standingAt(index)?.leafHash === verifier.leafHash(signed);
  return isThere ? { kind: 'confirmed' } : { kind: 'unlogged', index };
}

async function findOlderClaim(
  { claim, binding, reservedAt }: TagRecord,
  logs: readonly ReadLog[],
): Promise<Finding | undefined> {
  const active = logs.findIndex(({ origin }) => origin === reservedAt.origin);
  const known = logs.slice(0, active + 1);
  if ((known.at(-1)?.treeSize ?? 0) < reservedAt.treeSize) return undefined;
  const older = (log: ReadLog, leaf: OwnLeaf): boolean =>
    log.origin !== reservedAt.origin || leaf.index < reservedAt.treeSize;
  const oldClaim = await firstOurs(claim.statement, known, older);
  if (oldClaim === undefined) return undefined;
  const oldBinding = await firstOurs(binding.statement, known, older);
  return oldBinding === undefined ? { kind: 'conflicted', index: oldClaim.index } : undefined;
}

async function firstOurs(
  statement: string,
  logs: readonly ReadLog[],
  older: (log: ReadLog, leaf: OwnLeaf) => boolean,
): Promise<OwnLeaf | undefined> {
  const digest = statementDigest(statement);
  for (const log of logs) {
    for (const leaf of log.own.over(digest)) {
      if (older(log, leaf) && (await log.isOurs(statement, leaf))) return leaf;
    }
  }
  return undefined;
}
