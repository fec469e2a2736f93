import type { Ledger, RecordRequest } from '../../src/check/ports.ts';
import type { LoadedRecord } from '../../src/protocol/load-record.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/code.ts';
import { sampleRecord } from './sample-record.ts';

export interface MemoryLedger extends Ledger {
  /** With the evidence, which a real ledger does not keep in memory. */
  find(...asked: Parameters<Ledger['find']>): Promise<LoadedRecord | undefined>;
  readonly recorded: RecordRequest[];
  /** Makes every call fail, or every record stay pending, until told otherwise. */
  behave(how: 'normal' | 'pending' | 'outage' | { readonly fail: ErrorCode }): void;
  put(found: LoadedRecord): void;
}

/** A ledger without store and log. */
export function makeMemoryLedger(): MemoryLedger {
  const records = new Map<string, LoadedRecord>();
  const recorded: RecordRequest[] = [];
  let how: Parameters<MemoryLedger['behave']>[0] = 'normal';

  function failIfTold(): void {
    if (typeof how === 'object')
      throw new AppError({ code: how.fail, message: `told to fail with ${how.fail}` });
  }

  return {
    recorded,
    behave: (next) => {
      how = next;
    },
    put: (found) => void records.set(found.record.reference, found),
    async find({ canonical }) {
      failIfTold();
      return records.get(canonical);
    },
    async record(request) {
      failIfTold();
      const { canonical } = request.reference;
      const existing = records.get(canonical);
      if (existing?.logged === true) return { kind: 'existing', found: existing };
      recorded.push(request);
      const record =
        existing?.record ?? sampleRecord(canonical, { digest: request.digest, origin: request.origin });
      if (how !== 'normal' || request.waitFor === 'reserved') {
        const found = { record, logged: false };
        records.set(canonical, found);
        if (how === 'normal') return { kind: 'recorded', found };
        const outage = new AppError({ code: 'LOG_UNAVAILABLE', message: 'the log is down' });
        return { kind: 'pending', found, retryAfterSeconds: 1, ...(how === 'outage' && { outage }) };
      }
      const found = { record, logged: true };
      records.set(canonical, found);
      return { kind: 'recorded', found };
    },
  };
}
