import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { Checkpoint } from '../../ledger/checkpoint.ts';
import { emptyRoot } from '../../ledger/leaf-hash.ts';
import { parseCheckpoint, verifyCheckpoint } from '../../ledger/signed-note.ts';
import type { Logger } from '../../observe/log.ts';
import { unavailable } from '../log-answer.ts';
import { systemCode } from '../../errors/system-code.ts';
import type { LogTransport } from '../transport.ts';
import { logIdOf, trustedRootFor, type LogTrust } from '../trusted-root.ts';
import { makeDisk, type Disk } from './disk.ts';
import { makeGroupCommit } from './group-commit.ts';
import { makeLogHandler } from './handler.ts';
import { loadLog, logForked } from './load-log.ts';
import { takeLock, type Lock } from './lock.ts';
import { makeLogFolder, type LogFolder } from './log-folder.ts';
import { generateLogKey, parseLogKey, type LogKey } from './log-key.ts';
import { CHECKPOINT_FILE, makeLogStore } from './log-store.ts';
import { TILES_FOLDER } from './tile-files.ts';

const KEY_FILE = 'key.pem';
const TRUSTED_ROOT_FILE = 'trusted_root.json';
const PRIVATE_MODE = 0o600;
const ORIGIN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

export interface EmbeddedLogOptions {
  /** Everything lies in here; made when missing. */
  readonly dir: string;
  /** Origin of the checkpoints; `tagseal-embedded-<8 hex of the key's hash>` unless given. Stands for the log's life. */
  readonly origin?: string | undefined;
  readonly logger: Logger;
  /** Told which log is there before it is used, or that one would be made: what it throws keeps the folder as it is. */
  readonly check?: ((found: { readonly origin: string } | undefined) => Promise<void>) | undefined;
  readonly disk?: Disk;
}

/** A log of one process in a folder. */
export interface EmbeddedLog {
  readonly trust: LogTrust;
  /** The Rekor v2 API, in process; an HTTP server may mount it too. */
  readonly transport: LogTransport;
  /** The newest checkpoint. */
  published(): Checkpoint;
  /** Tells other processes where the log can be reached (readLock), or with undefined that it cannot any more. */
  announce(url: string | undefined): Promise<void>;
  /** Finishes the writes under way and lets other processes open the log. */
  close(): Promise<void>;
}

/**
 * Opens the log in a folder, or makes a new one, and verifies all of it.
 * Throws LOG_IN_USE, LOG_FORKED, LOG_UNAVAILABLE, CONFIG_INVALID.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { dir, origin } = options;
  if (origin !== undefined && !ORIGIN.test(origin)) {
    const message = `cannot name a log ${quote(origin)}: an origin consists of letters, digits and ".", "_", "/", "-"; name another`;
    throw new AppError({ code: 'CONFIG_INVALID', message });
  }
  const disk = options.disk ?? makeDisk();
  let lock: Lock | undefined;
  try {
    await disk.makeFolder(dir);
    lock = await takeLock(dir);
    return await openLocked(options, makeLogFolder(disk, dir), lock);
  } catch (error) {
    await lock?.release();
    throw error instanceof AppError ? error : cannotOpen(dir, error);
  }
}

async function openLocked(options: EmbeddedLogOptions, folder: LogFolder, lock: Lock): Promise<EmbeddedLog> {
  const { key, checkpoint } = await findOrMakeLog(folder, options);
  const store = makeLogStore({ folder, key, lock, loaded: await loadLog(folder, checkpoint) });
  const trust: LogTrust = { kind: 'embedded', origin: checkpoint.origin, spki: key.spki };
  await writeTrustedRoot(folder, trust);
  const commits = makeGroupCommit(store, folder.dir, (error) => {
    options.logger.warn('log.tidy_failed', { dir: folder.dir, error });
  });
  return {
    trust,
    transport: makeLogHandler({ store, commits, folder, logId: logIdOf(trust) }),
    published: () => store.published(),
    announce: (url) => lock.announce(url),
    async close() {
      await commits.close();
      await lock.release();
    },
  };
}

interface FoundLog {
  readonly key: LogKey;
  readonly checkpoint: Checkpoint;
}

async function findOrMakeLog(
  folder: LogFolder,
  { origin: wanted, check }: Pick<EmbeddedLogOptions, 'origin' | 'check'>,
): Promise<FoundLog> {
  const [pem, note] = [await readText(folder, KEY_FILE), await readText(folder, CHECKPOINT_FILE)];
  if (pem === undefined && (note === undefined || isEmpty(folder, note))) {
    await check?.(undefined);
    return makeLog(folder, wanted);
  }
  if (pem === undefined) throw logForked(folder.dir, `its key ${quote(KEY_FILE)} is missing`);
  if (note === undefined) throw logForked(folder.dir, `its checkpoint ${quote(CHECKPOINT_FILE)} is missing`);
  const found = readFound(folder, { pem, note, wanted });
  await check?.(found.checkpoint);
  return found;
}

function readFound(
  folder: LogFolder,
  { pem, note, wanted }: { readonly pem: string; readonly note: string; readonly wanted: string | undefined },
): FoundLog {
  const key = readKey(folder, pem);
  try {
    const { origin } = parseCheckpoint(note);
    const spki = Buffer.from(key.spki, 'base64');
    return { key, checkpoint: verifyCheckpoint(note, { origin: wanted ?? origin, spki }) };
  } catch (cause) {
    const why = cause instanceof AppError ? cause.message : 'its checkpoint is damaged';
    throw logForked(folder.dir, why, cause);
  }
}

/** The key is written last: whoever has the key had published a checkpoint, so a missing one is a loss. */
async function makeLog(folder: LogFolder, wanted: string | undefined): Promise<FoundLog> {
  if ((await folder.list(`${TILES_FOLDER}/tile`)).length > 0) {
    throw logForked(folder.dir, 'it holds entries, and neither key nor checkpoint');
  }
  await folder.clearDrafts();
  const key = generateLogKey();
  const origin = wanted ?? key.defaultOrigin;
  const empty = { origin, treeSize: 0, rootHash: emptyRoot() };
  const note = key.signCheckpoint(empty);
  await folder.put(CHECKPOINT_FILE, Buffer.from(note, 'utf8'));
  await folder.sync();
  await folder.put(KEY_FILE, Buffer.from(key.pem, 'utf8'), PRIVATE_MODE);
  await folder.sync();
  return { key, checkpoint: { ...empty, note } };
}

async function writeTrustedRoot(folder: LogFolder, trust: LogTrust): Promise<void> {
  const text = `${JSON.stringify(trustedRootFor(trust), undefined, 2)}\n`;
  if ((await readText(folder, TRUSTED_ROOT_FILE)) === text) return;
  await folder.put(TRUSTED_ROOT_FILE, Buffer.from(text, 'utf8'));
  await folder.sync();
}

function isEmpty(folder: LogFolder, note: string): boolean {
  try {
    return parseCheckpoint(note).treeSize === 0;
  } catch (cause) {
    throw logForked(folder.dir, 'its checkpoint is damaged', cause);
  }
}

function readKey(folder: LogFolder, pem: string): LogKey {
  try {
    return parseLogKey(pem);
  } catch (cause) {
    throw logForked(folder.dir, `its key ${quote(KEY_FILE)} is damaged`, cause);
  }
}

async function readText(folder: LogFolder, name: string): Promise<string | undefined> {
  const bytes = await folder.read(name);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function cannotOpen(dir: string, cause: unknown): AppError {
  const code = systemCode(cause) ?? 'an unknown error';
  return unavailable(`cannot open the log in ${quote(dir)}: ${code}; check its disk and permissions`, cause);
}
