import type { VerifiedRecord } from '../check/ports.ts';
import { toAppError } from '../errors/app-error.ts';
import type { LoggedStatement, SignedStatement } from '../ledger/evidence.ts';
import type { LogPosition, RecordPhase, TagRecord } from '../ledger/record.ts';
import type { TagReference } from '../reference/reference.ts';
import { loadRecord } from './load-record.ts';
import type { Naming } from './naming.ts';
import type {
  EvidenceVerifier,
  LogHistory,
  LogWriter,
  RecordStore,
  StatementSigner,
  StoredRecord,
} from './ports.ts';
import type { Publisher } from './publish.ts';

export interface RepublisherParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: Pick<LogWriter, 'submit'>;
  readonly history: Pick<LogHistory, 'position'>;
  readonly publisher: Publisher;
}

export interface Republisher {
  /**
   * Logs again what the log has forgotten: the Unlogged record `stored`, the newest of its tag, and every generation below it
   * that the log has no claim on, above generation `held` (-1: it has none). The evidence of the record must verify, as it was
   * logged before. Undefined where somebody else changes the record meanwhile. Throws as loadRecord and Publisher.publish.
   */
  republish(
    reference: TagReference,
    stored: StoredRecord,
    held: number,
    signal: AbortSignal,
  ): Promise<VerifiedRecord | undefined>;
}

/** Those of an older generation whose statements have been in the log, or are on their way. */
const LOGGED_BEFORE: ReadonlySet<RecordPhase> = new Set<RecordPhase>(['Unlogged', 'Logged', 'Confirmed']);

export function makeRepublisher(parts: RepublisherParts): Republisher {
  const { store, naming, signer, verifier, writer, history, publisher } = parts;

  return {
    async republish(reference, stored, held, signal) {
      const { claimId, generation } = stored.record;
      // a reservation that was never logged would pass for one that was, if its phase alone decided
      await requireEvidence(reference, stored.record);
      const all = await store.generations(claimId, signal);
      // the oldest first, and the newest only then: a gap among the claims would hide it
      for (let each = 0; each < generation; each += 1) {
        const older = all.find(({ record }) => record.generation === each);
        if (older?.record.phase === 'Reserved') await publisher.publishOlder(reference, older.record);
        else if (each > held)
          await republishOlder(reference, { ...stored.record, generation: each }, older, signal);
      }
      const anew = reservedAnew(stored.record, history.position());
      if ((await store.update(anew, stored.version, signal)) === 'conflict') return undefined;
      return publisher.publish(reference);
    },
  };

  async function republishOlder(
    reference: TagReference,
    { privacy, generation }: Pick<TagRecord, 'privacy' | 'generation'>,
    older: StoredRecord | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (older !== undefined && (await isSound(reference, older.record))) {
      const anew = reservedAnew(older.record, history.position());
      await store.update(anew, older.version, signal);
      await publisher.publishOlder(reference, anew);
      return;
    }
    // no record tells what it meant: the claim alone keeps its place
    const claim = await signer.sign(naming.claim(reference, privacy, generation), signal);
    await writer.submit(claim, signal);
  }

  async function isSound(reference: TagReference, record: TagRecord): Promise<boolean> {
    if (!LOGGED_BEFORE.has(record.phase)) return false;
    try {
      await requireEvidence(reference, record);
      return true;
    } catch (error) {
      if (toAppError(error).code === 'INTERNAL') throw error;
      return false;
    }
  }

  async function requireEvidence(reference: TagReference, record: TagRecord): Promise<void> {
    await loadRecord({ ...record, phase: 'Logged' }, reference, { naming, verifier });
  }
}

/** The same statements and signatures as before they were logged. */
function reservedAnew({ log: _, ...record }: TagRecord, reservedAt: LogPosition): TagRecord {
  const { claim, binding } = record;
  return {
    ...record,
    phase: 'Reserved',
    reservedAt,
    claim: withoutBundle(claim),
    binding: withoutBundle(binding),
  };
}

function withoutBundle(signed: SignedStatement | LoggedStatement): SignedStatement {
  const { bundle: _, ...rest } = { bundle: undefined, ...signed };
  return rest;
}
