import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { parseCheckpoint, verifyCheckpoint, type CheckpointTrust } from '../ledger/signed-note.ts';
import type { Logger } from '../observe/log.ts';
import type { StateStore } from './ports.ts';

export interface TailFloorParts {
  readonly state: StateStore;
  readonly log: CheckpointTrust;
  readonly logger: Logger;
}

/** The largest tree with which the log has proven a record: every later tree must begin with it, or the log was set back. */
export interface TailFloor {
  /** What was kept by this or an earlier process; what cannot be used counts as none, and is told. Throws STORE_UNAVAILABLE. */
  load(signal: AbortSignal): Promise<Checkpoint | undefined>;
  /** The newest that this process knows. */
  newest(): Checkpoint | undefined;
  /**
   * Keeps the signed note of a checkpoint, unless it is of another log; durable when it resolves. Many at once are one
   * write. Throws STORE_UNAVAILABLE, LOG_PROOF_INVALID.
   */
  raise(note: string, signal: AbortSignal): Promise<void>;
}

/**
 * Kept beside the records, before one becomes Logged: so whatever a record relies on is kept, also when the process is
 * killed. Nobody can put a tree there that the log has not signed; who deletes it is back at the snapshot of the tail.
 */
export function makeTailFloor({ state, log, logger }: TailFloorParts): TailFloor {
  const name = floorName(log);
  let newest: Checkpoint | undefined;
  let savedSize = 0;
  let writing: Promise<void> | undefined;

  async function read(signal: AbortSignal) {
    const document = await state.read(name, signal);
    return { kept: document && usable(document.text), version: document?.version };
  }

  function usable(note: string): Checkpoint | undefined {
    try {
      return verifyCheckpoint(note, log);
    } catch (error) {
      const { code, message } = toAppError(error);
      logger.error('log.snapshotInvalid', { origin: log.origin, document: name, code }, message);
      return undefined;
    }
  }

  function know(checkpoint: Checkpoint): void {
    if (checkpoint.treeSize > (newest?.treeSize ?? 0)) newest = checkpoint;
  }

  async function write(signal: AbortSignal): Promise<void> {
    const { kept, version } = await read(signal);
    if (kept !== undefined) know(kept);
    if (newest === undefined) return;
    const { treeSize, note } = newest;
    // on a conflict another process has written, and the next turn of `raise` looks at what
    const isKept =
      kept?.treeSize === treeSize || (await state.write(name, { text: note, version }, signal)) === 'written';
    if (isKept) savedSize = treeSize;
  }

  return {
    newest: () => newest,
    async load(signal) {
      const { kept } = await read(signal);
      if (kept === undefined) return undefined;
      know(kept);
      savedSize = Math.max(savedSize, kept.treeSize);
      return kept;
    },
    async raise(note, signal) {
      if (parseCheckpoint(note).origin !== log.origin) return;
      const checkpoint = verifyCheckpoint(note, log);
      know(checkpoint);
      while (savedSize < checkpoint.treeSize) {
        writing ??= write(signal).finally(() => (writing = undefined));
        await writing;
      }
    },
  };
}

function floorName({ origin, spki }: CheckpointTrust): string {
  const text = JSON.stringify([origin, Buffer.from(spki).toString('base64')]);
  return `tail-floor-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Its newest tree is smaller than one that it has signed: a cache may stand between, so this is asked again each time. */
export function setBack(head: Checkpoint, floor: Checkpoint): AppError {
  return new AppError({
    code: 'LOG_FORKED',
    message:
      `the log ${head.origin} was set back: it shows a tree of ${head.treeSize} leaves, and has proven records with one of ` +
      `${floor.treeSize}; no new tag is recorded until it shows that again: see docs/log-alarms.md`,
  });
}
