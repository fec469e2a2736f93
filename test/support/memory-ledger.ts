import type {
  AdvanceRequest,
  Foreseen,
  Ledger,
  RecordOutcome,
  RecordRequest,
} from '../../src/check/ports.ts';
import type { LoadedRecord } from '../../src/protocol/load-record.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/code.ts';
import { sampleRecord } from './sample-record.ts';

export interface MemoryLedger extends Ledger {
  /** With the evidence, which a real ledger does not keep in memory. */
  find(...asked: Parameters<Ledger['find']>): Promise<LoadedRecord | undefined>;
  readonly recorded: RecordRequest[];
  readonly advanced: AdvanceRequest[];
  /** Makes every call fail, or every record stay pending, until told otherwise. */
  behave(how: 'normal' | 'pending' | 'outage' | { readonly fail: ErrorCode }): void;
  /** What the log says of tags without a record: `new` until told otherwise. */
  foreseen: Foreseen | ErrorCode;
  put(found: LoadedRecord): void;
  /** A newer generation that only `latest` and `advance` know of: somebody else made it. */
  putElsewhere(found: LoadedRecord): void;
}

/** A ledger without store and log. */
export function makeMemoryLedger(): MemoryLedger {
  const records = new Map<string, LoadedRecord>();
  const elsewhere = new Map<string, LoadedRecord>();
  const recorded: RecordRequest[] = [];
  const advanced: AdvanceRequest[] = [];
  let how: Parameters<MemoryLedger['behave']>[0] = 'normal';

  function failIfTold(): void {
    if (typeof how === 'object')
      throw new AppError({ code: how.fail, message: `told to fail with ${how.fail}` });
  }

  function newest(canonical: string): LoadedRecord | undefined {
    return elsewhere.get(canonical) ?? records.get(canonical);
  }

  /** Puts the record, logged or waiting as told, and says so. */
  function made(record: LoadedRecord['record'], waitFor: RecordRequest['waitFor']): RecordOutcome {
    const isLogged = how === 'normal' && waitFor === 'logged';
    const found = { record, logged: isLogged };
    records.set(record.reference, found);
    elsewhere.delete(record.reference);
    if (how === 'normal') return { kind: 'recorded', found };
    const outage = new AppError({ code: 'LOG_UNAVAILABLE', message: 'the log is down' });
    return { kind: 'pending', found, retryAfterSeconds: 1, ...(how === 'outage' && { outage }) };
  }

  const ledger: MemoryLedger = {
    foreseen: 'new',
    recorded,
    advanced,
    behave: (next) => {
      how = next;
    },
    put: (found) => void records.set(found.record.reference, found),
    putElsewhere: (found) => void elsewhere.set(found.record.reference, found),
    async find({ canonical }) {
      failIfTold();
      return records.get(canonical);
    },
    async foresee() {
      failIfTold();
      const { foreseen } = ledger;
      if (foreseen === 'new' || foreseen === 'restorable') return foreseen;
      throw new AppError({ code: foreseen, message: `told to fail with ${foreseen}` });
    },
    async latest({ canonical }) {
      failIfTold();
      return newest(canonical);
    },
    async record(request) {
      failIfTold();
      const { canonical } = request.reference;
      const existing = newest(canonical);
      if (existing?.logged === true) return { kind: 'existing', found: existing };
      recorded.push(request);
      const { digest, origin } = request;
      return made(existing?.record ?? sampleRecord(canonical, { digest, origin }), request.waitFor);
    },
    async advance(request) {
      failIfTold();
      const { reference, digest, origin, from } = request;
      const existing = newest(reference.canonical);
      if (existing === undefined) throw new AppError({ code: 'RECORD_LOST', message: 'it has no record' });
      const { generation, digest: known } = existing.record;
      if (generation > from || known === digest) return { kind: 'existing', found: existing };
      advanced.push(request);
      const next = { digest, origin, generation: generation + 1 };
      return made(sampleRecord(reference.canonical, next), request.waitFor);
    },
  };
  return ledger;
}
