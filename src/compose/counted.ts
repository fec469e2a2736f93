import type { Ledger, RecordOutcome } from '../check/ports.ts';
import { toAppError } from '../errors/app-error.ts';
import type { LogKindLabel, LogOperationLabel, Metrics } from '../observe/metrics.ts';
import type { OnCall } from '../registry/send.ts';
import type { LogRequest } from '../rekor/transport.ts';
import type { CountCalls } from './open-log.ts';

/** Counts what goes to the log; without metrics it counts nothing. */
export function countLogCalls(log: LogKindLabel, metrics: Metrics | undefined): CountCalls {
  if (metrics === undefined) return (transport) => transport;
  return (transport) => async (request) => {
    const operation = operationOf(request);
    try {
      const answer = await transport(request);
      metrics.countLogRequest(log, operation, 'ok');
      return answer;
    } catch (error) {
      metrics.countLogRequest(log, operation, toAppError(error).code);
      throw error;
    }
  };
}

function operationOf({ method, path }: LogRequest): LogOperationLabel {
  if (path.endsWith('/index/retrieve')) return 'search';
  if (method === 'POST') return 'submit';
  if (path.includes('/tile/')) return 'tile';
  return path.endsWith('/checkpoint') || path.endsWith('/log') ? 'checkpoint' : 'entry';
}

/** Counts what first sights come to. */
export function countRecords(ledger: Ledger, metrics: Metrics | undefined): Ledger {
  if (metrics === undefined) return ledger;
  async function counted(work: Promise<RecordOutcome>): Promise<RecordOutcome> {
    try {
      const outcome = await work;
      metrics?.countRecord(outcome.found.record.origin === 'restore' ? 'restored' : outcome.kind);
      return outcome;
    } catch (error) {
      metrics?.countRecord('failed');
      throw error;
    }
  }
  return {
    find: (reference, signal) => ledger.find(reference, signal),
    foresee: (reference, digest, signal) => ledger.foresee(reference, digest, signal),
    latest: (reference, signal) => ledger.latest(reference, signal),
    record: (request, signal) => counted(ledger.record(request, signal)),
    advance: (request, signal) => counted(ledger.advance(request, signal)),
  };
}

export function countRegistryCalls(metrics: Metrics): OnCall {
  return (method, outcome) => metrics.countRegistryRequest(method, outcome);
}
