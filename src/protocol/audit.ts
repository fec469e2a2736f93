import { toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { RecordPhase, TagRecord } from '../ledger/record.ts';
import { claimStatement, statementDigest } from '../ledger/statement.ts';
import type { Logger } from '../observe/log.ts';
import { auditRecord, type Finding, type ReadLog } from './audit-record.ts';
import { makeLeafJudge } from './leaf-judge.ts';
import type { OwnLeaf } from './own-leaves.ts';
import type { EvidenceVerifier, LeafVerifier, LogReader, RecordStore, StoredRecord } from './ports.ts';
import type { Tail } from './tail.ts';
import { makeDenyingTally } from './denying-tally.ts';
import { makeLeafBodies } from './tile-history.ts';

/** A log, or one shard of it, that is followed here. */
export interface AuditedLog {
  readonly tail: Tail;
  readonly reader: Pick<LogReader, 'leaves'>;
  /** As bundles name the log: base64. */
  readonly logId: string;
}

export interface AuditParts {
  /** The oldest shard first, the one that takes writes last. */
  readonly logs: readonly AuditedLog[];
  readonly store: Pick<RecordStore, 'list' | 'update'>;
  readonly verifier: Pick<EvidenceVerifier, 'own' | 'verify' | 'leafHash'>;
  readonly leaves: LeafVerifier;
  readonly logger: Logger;
  /** Told of each record that is refused from now on: who remembers it must forget it. */
  readonly onRefused?: (claimId: string, generation: number) => void;
}

/** What an audit has found. Everything but `confirmed` counts all there are, not only new ones. */
export interface AuditReport {
  readonly records: number;
  /** Records whose leaves this audit has seen in their place for the first time. */
  readonly confirmed: number;
  /** Leaves of ours that no record explains. */
  readonly unexplained: number;
  readonly unlogged: number;
  readonly conflicted: number;
  /** Records whose evidence does not verify or that cannot be read. */
  readonly invalid: number;
}

export interface Auditor {
  /** One sweep over all records. Throws STORE_UNAVAILABLE, LOG_*; LOG_FORKED for a log that has lied. */
  run(signal: AbortSignal): Promise<AuditReport>;
}

type Counts = { -readonly [Name in keyof AuditReport]: number };

const REFUSED: ReadonlySet<RecordPhase> = new Set<RecordPhase>(['Unlogged', 'Conflicted', 'Lost']);
/** What says that the evidence is bad, and not that nobody could be asked. */
const EVIDENCE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RECORD_INVALID',
  'IDENTITY_MISMATCH',
  'LOG_ENTRY_INVALID',
  'LOG_PROOF_INVALID',
]);
const UNLOGGED =
  'the log does not hold the entry that it had promised: the record is refused; see docs/log-alarms.md';
const CONFLICTED =
  'the log holds an older claim on this tag and no binding with this digest: the record is refused; see docs/log-alarms.md';
const PHASES = { confirmed: 'Confirmed', unlogged: 'Unlogged', conflicted: 'Conflicted' } as const;

/** Step 7 of the ledger protocol: what the log has against what the store has, in both directions. */
export function makeAuditor(parts: AuditParts): Auditor {
  const { logs, store, verifier, leaves, logger, onRefused } = parts;
  const bodies = logs.map(({ reader, tail }) => makeLeafBodies(reader, tail));
  const judge = makeLeafJudge(leaves, logger);

  return {
    async run(signal) {
      for (const { tail } of logs) {
        const fork = tail.fork();
        if (fork !== undefined) throw fork;
      }
      const counts: Counts = {
        records: 0,
        confirmed: 0,
        unexplained: 0,
        unlogged: 0,
        conflicted: 0,
        invalid: 0,
      };
      // the leaves first: a reservation comes before its leaves, so every record is there that can explain them
      const read = logs.map((log, i) => readLog(log, (leaf) => readBody(i, leaf, signal)));
      const explained = logs.map(() => new Set<number>());
      const tally = makeDenyingTally();
      for await (const stored of store.list(signal)) {
        counts.records += 1;
        if ('error' in stored) unreadable(stored, counts);
        else {
          explain(stored.record, read, explained);
          const phase = await auditStored(stored, { read, counts, signal });
          tally.see(stored.record, phase);
        }
      }
      counts.unlogged = tally.count('Unlogged');
      counts.conflicted = tally.count('Conflicted');
      for (const [i, log] of read.entries()) {
        const suspects = unexplainedIn(log, explained[i] ?? new Set());
        counts.unexplained += await judge.countOurs(log, suspects, (leaf) => readBody(i, leaf, signal));
      }
      return counts;
    },
  };

  async function readBody(log: number, leaf: OwnLeaf, signal: AbortSignal): Promise<Uint8Array> {
    return (await bodies[log]?.read(leaf, signal)) ?? Buffer.alloc(0);
  }

  function readLog({ tail, logId }: AuditedLog, bodyOf: (leaf: OwnLeaf) => Promise<Uint8Array>): ReadLog {
    const { origin, treeSize } = tail.position();
    const isOurs = async (statement: string, leaf: OwnLeaf) =>
      (await verifier.own(statement, await bodyOf(leaf))) !== undefined;
    return { origin, treeSize, logId, own: tail.own(), isOurs };
  }

  function unreadable(
    { name, error }: { readonly name: string; readonly error: unknown },
    counts: Counts,
  ): void {
    counts.invalid += 1;
    const { code, message } = toAppError(error);
    logger.error('record.invalid', { record: name, code }, message);
  }

  async function auditStored(
    stored: StoredRecord,
    {
      read,
      counts,
      signal,
    }: { readonly read: readonly ReadLog[]; readonly counts: Counts; readonly signal: AbortSignal },
  ): Promise<RecordPhase> {
    const { record } = stored;
    // another process may have found it out
    if (REFUSED.has(record.phase)) onRefused?.(record.claimId, record.generation);
    if (!isOpen(record, read)) return record.phase;
    try {
      return await settle(stored, await auditRecord(record, read, verifier), { counts, signal });
    } catch (error) {
      const { code, message } = toAppError(error);
      if (!EVIDENCE.has(code)) throw error;
      counts.invalid += 1;
      logger.error('record.invalid', { reference: record.reference, code }, message);
      return record.phase;
    }
  }

  async function settle(
    { record, version }: StoredRecord,
    finding: Finding,
    { counts, signal }: { readonly counts: Counts; readonly signal: AbortSignal },
  ): Promise<RecordPhase> {
    if (finding.kind === 'waiting' || finding.kind === 'foreign') return record.phase;
    const phase: RecordPhase = PHASES[finding.kind];
    const { reference, claimId, generation } = record;
    const about = { reference, claimId, generation };
    if (finding.kind === 'unlogged')
      logger.error('record.unlogged', { ...about, index: finding.index }, UNLOGGED);
    if (finding.kind === 'conflicted')
      logger.error('record.conflicted', { ...about, index: finding.index }, CONFLICTED);
    if (phase === record.phase) return phase;
    // on a conflict somebody else has written it meanwhile: the next sweep looks at that
    const outcome = await store.update({ ...record, phase }, version, signal);
    if (outcome !== 'updated') return record.phase;
    if (finding.kind === 'confirmed') counts.confirmed += 1;
    if (REFUSED.has(phase)) onRefused?.(record.claimId, record.generation);
    return phase;
  }
}

/** Whether there is anything to find out about it. */
function isOpen({ phase, log, binding }: TagRecord, read: readonly ReadLog[]): boolean {
  if (phase === 'Reserved' || phase === 'Logged') return true;
  if (phase !== 'Confirmed' || log === undefined) return false;
  const own = read.find(({ origin }) => origin === log.origin)?.own;
  // whoever can write to the store can write this phase: that the leaf is there costs nothing to see
  return own?.standingAt(log.index)?.statementDigest !== statementDigest(binding.statement);
}

function explain(
  { claim, binding, scope, claimId, generation }: TagRecord,
  read: readonly ReadLog[],
  explained: readonly Set<number>[],
): void {
  // a generation follows on one that is claimed; of a lost one that was accepted over, nothing but that claim may be left
  const before = generation > 0 ? [claimStatement({ scope, claimId, generation: generation - 1 })] : [];
  for (const statement of [claim.statement, binding.statement, ...before]) {
    const digest = statementDigest(statement);
    for (const [i, { own }] of read.entries())
      for (const { index } of own.over(digest)) explained[i]?.add(index);
  }
}

function* unexplainedIn({ own }: ReadLog, explained: ReadonlySet<number>): Iterable<OwnLeaf> {
  for (let ordinal = 0; ordinal < own.count; ordinal += 1) {
    const leaf = own.at(ordinal);
    if (leaf !== undefined && !explained.has(leaf.index)) yield leaf;
  }
}
