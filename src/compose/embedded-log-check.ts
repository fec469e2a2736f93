import { createHash } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { RecordStore, StateStore } from '../protocol/ports.ts';
import { readLogTrust } from '../rekor/trust.ts';
import { trustedRootFor, type LogTrust } from '../rekor/trusted-root.ts';

/** Of any length, this is some seconds of a first start. */
const MAX_RECORDS = 10_000;
/** The address says nothing here: the log is the only one in its file. */
const ANY_URL = 'http://embedded';

export interface EmbeddedLogCheckParts {
  readonly state: StateStore;
  readonly store: Pick<RecordStore, 'list'>;
  readonly scope: string;
  /** `log.earlierTrustedRootFiles` */
  readonly earlierFiles: readonly string[];
}

export interface EmbeddedLogCheck {
  /** Logs that this one has replaced: what they have proven counts. Throws TRUST_ROOT_INVALID. */
  earlier(): Promise<readonly LogTrust[]>;
  /**
   * Throws LOG_FORKED where the ledger was kept in a log that is neither the one found in the folder (undefined: none is
   * there, and one would be made) nor among the earlier ones; STORE_UNAVAILABLE, TRUST_ROOT_INVALID.
   */
  check(dir: string, found: { readonly origin: string } | undefined, signal: AbortSignal): Promise<void>;
  /** Leaves the name of the log, and what verifies it, for later starts. Throws STORE_UNAVAILABLE. */
  keep(trust: LogTrust, signal: AbortSignal): Promise<void>;
}

/**
 * Whether the embedded log is the one that the ledger was kept in: a new one in the place of a lost folder would be
 * empty, and every known tag refused. A document beside the records tells, and before there is one, the records.
 */
export function makeEmbeddedLogCheck(parts: EmbeddedLogCheckParts): EmbeddedLogCheck {
  const { state, scope, earlierFiles } = parts;
  const name = `embedded-log-${createHash('sha256').update(scope).digest('hex').slice(0, 40)}`;

  async function kept(signal: AbortSignal): Promise<string | undefined> {
    const document = await state.read(name, signal);
    if (document === undefined) return recordedOrigin(parts, signal);
    const read = async (): Promise<Uint8Array> => Buffer.from(document.text);
    const settings = { kind: 'rekor-v2', url: ANY_URL, trustedRootFile: name } as const;
    return (await readLogTrust(settings, read))[0].origin;
  }

  async function earlier(): Promise<readonly LogTrust[]> {
    const roots = await Promise.all(
      earlierFiles.map((file) => readLogTrust({ kind: 'rekor-v2', url: ANY_URL, trustedRootFile: file })),
    );
    return roots.map(([trust]) => ({ ...trust, kind: 'embedded' }));
  }

  return {
    earlier,
    async check(dir, found, signal) {
      const known = await kept(signal);
      const accepted = [found, ...(await earlier())].map((log) => log?.origin);
      if (known === undefined || accepted.includes(known)) return;
      throw replaced({ dir, found: found?.origin, known, name });
    },
    async keep(trust, signal) {
      const text = `${JSON.stringify(trustedRootFor(trust), undefined, 2)}\n`;
      const before = await state.read(name, signal);
      // a conflict: another process has opened the same log at the same time
      if (before?.text !== text) await state.write(name, { text, version: before?.version }, signal);
    },
  };
}

async function recordedOrigin(
  { store, scope }: EmbeddedLogCheckParts,
  signal: AbortSignal,
): Promise<string | undefined> {
  let count = 0;
  for await (const stored of store.list(signal)) {
    count += 1;
    if (count > MAX_RECORDS) break;
    if ('error' in stored || stored.record.scope !== scope) continue;
    const { log } = stored.record;
    if (log?.kind === 'embedded') return log.origin;
  }
  return undefined;
}

interface Replaced {
  readonly dir: string;
  readonly found: string | undefined;
  readonly known: string;
  readonly name: string;
}

function replaced({ dir, found, known, name }: Replaced): AppError {
  const there = found === undefined ? 'holds no log' : `holds the log ${quote(found)}`;
  return new AppError({
    code: 'LOG_FORKED',
    message:
      `cannot use the log in ${quote(dir)}: the folder ${there}, and this ledger was kept in ${quote(known)}; put its folder ` +
      'back, or go on with another log and name the trusted_root.json of the old one in log.earlierTrustedRootFiles ' +
      `(a copy is in the state document ${quote(name)}): see docs/log-alarms.md`,
  });
}
