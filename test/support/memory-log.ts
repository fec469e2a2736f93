import { AppError } from '../../src/errors/app-error.ts';
import type { LoggedStatement, SignedStatement } from '../../src/ledger/evidence.ts';
import { statementDigest } from '../../src/ledger/statement.ts';
import type { EvidenceVerifier, LogHistory, LogWriter, StatementSigner } from '../../src/protocol/ports.ts';

const ORIGIN = 'memory.log';

interface Entry {
  readonly signed: SignedStatement;
  readonly time: number;
}

export type MemoryLogKind = 'embedded' | 'rekor-v1';

/** A log in plain words: no tree and no cryptography, but all the rules by which the protocol uses one. */
export interface MemoryLog {
  readonly writer: LogWriter;
  readonly verifier: EvidenceVerifier;
  readonly entries: readonly Entry[];
  /** What one process has read of it. */
  history(): LogHistory;
  /** Deterministic. */
  keySigner(): StatementSigner;
  /** Certificates live for 10 seconds; `timestamps` as from a time-stamping authority. */
  keylessSigner(options: { readonly timestamps: boolean }): StatementSigner;
  /** From now on every write fails, or none. */
  down(isDown: boolean): void;
  /** As from a backup: only the first entries are left. What it has proved before still verifies. */
  setBack(entries: number): void;
  /** Lets seconds pass. */
  pass(seconds: number): void;
}

export function makeMemoryLog(kind: MemoryLogKind = 'embedded'): MemoryLog {
  const entries: Entry[] = [];
  const proved = new Map<string, Entry>();
  let now = 1_000;
  let serial = 0;
  let isDown = false;

  function verifySignature({ statement, signature, verifier }: SignedStatement): void {
    const isOurs = said(verifier.kind === 'publicKey' ? verifier.spki : verifier.der).startsWith('ours');
    if (!isOurs) throw new AppError({ code: 'IDENTITY_MISMATCH', message: 'it is not ours' });
    if (said(signature).split(' ')[0] !== statementDigest(statement))
      throw unfit('its signature does not fit');
  }

  function timeOf({ signed, time }: Entry): number | undefined {
    if (kind === 'rekor-v1') return time;
    return signed.timestamp === undefined ? undefined : Number(said(signed.timestamp));
  }

  function verify({ bundle, ...signed }: LoggedStatement) {
    verifySignature(signed);
    const logIndex = Number(bundle['index']);
    const entry = proved.get(placeOf(logIndex, signed));
    if (entry === undefined)
      throw new AppError({ code: 'LOG_PROOF_INVALID', message: 'it is not in the log' });
    const integratedTime = timeOf({ signed, time: entry.time });
    if (signed.verifier.kind === 'certificate') {
      const expiry = Number(said(signed.verifier.der).split(' ')[1]);
      if (integratedTime === undefined || integratedTime > expiry)
        throw unfit('its certificate had no such time');
    }
    return {
      logIndex,
      logId: 'bG9n',
      uuid: statementDigest(signed.statement),
      checkpoint: '',
      ...(integratedTime !== undefined && { integratedTime }),
    };
  }

  function ourIndex(digest: string, below: number): number | undefined {
    const index = entries.findIndex(({ signed }) => statementDigest(signed.statement) === digest);
    return index >= 0 && index < below ? index : undefined;
  }

  return {
    entries,
    verifier: {
      verifySignature: async (signed) => verifySignature(signed),
      verify: async (logged) => verify(logged),
      leafHash: ({ statement, signature }) => statementDigest(statement + signature),
      candidate: () => undefined,
      own: () => Promise.resolve(undefined),
    },
    writer: {
      identity: { kind, url: 'memory:', origin: ORIGIN },
      async submit({ timestamp: _, ...signed }) {
        if (isDown) throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' });
        const held = entries.findIndex((entry) => isSame(entry.signed, signed));
        if (held >= 0) return { outcome: 'exists', bundle: { index: held } };
        entries.push({ signed, time: now });
        proved.set(placeOf(entries.length - 1, signed), { signed, time: now });
        return { outcome: 'created', bundle: { index: entries.length - 1 } };
      },
    },
    history() {
      let treeSize = 0;
      return {
        async ready() {
          if (isDown) throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' });
          treeSize = entries.length;
        },
        position: () => ({ origin: ORIGIN, treeSize }),
        async earliest(statement, _signal, how) {
          const index = ourIndex(statementDigest(statement), treeSize);
          const entry = index === undefined ? undefined : entries[index];
          // only an index finds what no key has made
          const isIndexed = kind === 'rekor-v1' && entry?.signed.verifier.kind === 'certificate';
          if (how === 'secretly' && isIndexed) return undefined;
          return index === undefined || entry === undefined ? undefined : { index, signed: entry.signed };
        },
        ...(kind !== 'rekor-v1' && {
          knows: (digest: string) => ourIndex(digest, treeSize) !== undefined,
        }),
        bundleOf: async ({ index }) => ({ index }),
      };
    },
    keySigner: () => ({
      deterministic: true,
      async sign(statement) {
        const signature = encoded(statementDigest(statement));
        return { statement, signature, verifier: { kind: 'publicKey', spki: encoded('ours') } };
      },
      isFresh: () => true,
    }),
    keylessSigner: ({ timestamps }) => ({
      deterministic: false,
      async sign(statement) {
        serial += 1;
        const signed = {
          statement,
          signature: encoded(`${statementDigest(statement)} ${serial}`),
          verifier: { kind: 'certificate', der: encoded(`ours ${now + 10}`) },
        } as const;
        return timestamps ? { ...signed, timestamp: encoded(String(now)) } : signed;
      },
      isFresh: ({ verifier, timestamp }) =>
        timestamp !== undefined ||
        verifier.kind === 'publicKey' ||
        Number(said(verifier.der).split(' ')[1]) >= now,
    }),
    down: (next) => {
      isDown = next;
    },
    setBack: (to) => {
      entries.length = to;
    },
    pass: (seconds) => {
      now += seconds;
    },
  };
}

/** An entry holds no timestamp, so two statements that differ in nothing else make one entry. */
function isSame(a: SignedStatement, b: SignedStatement): boolean {
  return a.statement === b.statement && a.signature === b.signature;
}

function placeOf(index: number, { statement, signature }: SignedStatement): string {
  return `${index} ${statement} ${signature}`;
}

function unfit(message: string): AppError {
  return new AppError({ code: 'RECORD_INVALID', message });
}

function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function said(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
