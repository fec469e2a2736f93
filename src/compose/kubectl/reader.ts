import type { Ledger } from '../../check/ports.ts';
import type { ReadRuntime } from '../../cli/ports.ts';
import { AppError } from '../../errors/app-error.ts';
import type { KubeApi } from '../../kube/api.ts';
import { recordsOfTag, type ReadRecord } from '../../kube/tag-records.ts';
import { loadRecord, type LoadedRecord } from '../../protocol/load-record.ts';
import type { RecordNaming } from '../../protocol/naming.ts';
import type { EvidenceVerifier } from '../../protocol/ports.ts';
import type { TagReference } from '../../reference/reference.ts';

export interface ReaderParts {
  readonly api: Pick<KubeApi, 'listPage'>;
  readonly naming: RecordNaming;
  readonly verifier: EvidenceVerifier;
}

export interface RecordReader extends Pick<ReadRuntime, 'generations'> {
  /** The newest generation, verified. Throws KUBERNETES_*, RECORD_*, LOG_*, IDENTITY_MISMATCH. */
  find(reference: TagReference, signal: AbortSignal): Promise<LoadedRecord | undefined>;
}

/** The records of the cluster to who has no key: found by the tag, and verified by what the installation publishes. */
export function makeRecordReader({ api, naming, verifier }: ReaderParts): RecordReader {
  /** Of our scope, under the name that the tag has now or under the one of the other privacy. */
  async function recordsOf(reference: TagReference, signal: AbortSignal): Promise<readonly ReadRecord[]> {
    const all = await recordsOfTag(api, reference, signal);
    for (const privacy of naming.privacies(reference)) {
      const some = all.filter((each) => isOf(each, privacy, naming.scope));
      if (some.some(({ kind }) => kind === 'read')) return oneClaim(some, reference);
    }
    return all.filter(({ kind }) => kind === 'broken');
  }

  const load = ({ stored }: Extract<ReadRecord, { kind: 'read' }>, reference: TagReference) =>
    loadRecord(stored.record, reference, { naming, verifier });

  return {
    async find(reference, signal) {
      const newest = (await recordsOf(reference, signal)).at(-1);
      if (newest?.kind === 'broken') throw newest.error;
      return newest && load(newest, reference);
    },

    async generations(reference, signal) {
      const records = await recordsOf(reference, signal);
      return Promise.all(
        records.map(async (each) => {
          const { generation } = each;
          if (each.kind === 'broken') return each;
          try {
            return { kind: 'verified', ...(await load(each, reference)) } as const;
          } catch (error) {
            return { kind: 'broken', generation, error } as const;
          }
        }),
      );
    },
  };
}

/** What cannot be read may be of any scope. */
function isOf(read: ReadRecord, privacy: string, scope: string): boolean {
  if (read.kind === 'broken') return true;
  const { record } = read.stored;
  return record.privacy === privacy && record.scope === scope;
}

/** Only the key tells which of two claims stands for a private name. */
function oneClaim(records: readonly ReadRecord[], { canonical }: TagReference): readonly ReadRecord[] {
  const claims = new Set(
    records.flatMap((each) => (each.kind === 'read' ? [each.stored.record.claimId] : [])),
  );
  if (claims.size === 1) return records;
  throw new AppError({
    code: 'RECORD_INVALID',
    message: `the records of ${canonical} cannot be told apart: they are of ${claims.size} claims; delete the one that Tagseal did not make`,
  });
}

/** Records of the cluster as a ledger that nobody can write to through it. */
export function readOnlyLedger(reader: RecordReader): Ledger {
  const find = async (reference: TagReference, signal: AbortSignal) => reader.find(reference, signal);
  return {
    find,
    latest: find,
    foresee: ({ canonical }) => Promise.reject(notAsked(canonical)),
    record: ({ reference }) => Promise.reject(notWritten(reference.canonical)),
    advance: ({ reference }) => Promise.reject(notWritten(reference.canonical)),
  };
}

function notAsked(canonical: string): AppError {
  return new AppError({
    code: 'LOG_UNAVAILABLE',
    message: `the cluster has no record of ${canonical}, and only Tagseal in the cluster asks the log whether it is new; have it asked with a Pod of the tag: kubectl run --dry-run=server`,
  });
}

function notWritten(canonical: string): AppError {
  return new AppError({
    code: 'INTERNAL',
    message: `${canonical} was to be recorded through a ledger that is only read`,
  });
}
