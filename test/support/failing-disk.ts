import { makeDisk, type Disk } from '../../src/rekor/embedded/disk.ts';

export interface FailingDisk {
  readonly disk: Disk;
  /** The call after `calls` more ones fails, as do all later ones until `heal`. */
  failAfter(calls: number): void;
  heal(): void;
  /** Whether a call has failed since `failAfter`. */
  hasFailed(): boolean;
}

/** A disk that is full, or broken, from some call on. */
export function makeFailingDisk(code = 'ENOSPC'): FailingDisk {
  let left = Infinity;
  let failed = false;

  function fails(): boolean {
    left -= 1;
    if (left >= 0) return false;
    failed = true;
    return true;
  }

  /** A write that fails may have written a part. */
  const disk = makeDisk();
  const broken: Disk = {
    read: (path) => disk.read(path),
    list: (path) => disk.list(path),
    async create(path, bytes, mode) {
      if (!fails()) return disk.create(path, bytes, mode);
      await disk.create(path, bytes.subarray(0, bytes.length / 2), mode);
      throw error(code);
    },
    rename: (from, to) => orFail(() => disk.rename(from, to)),
    makeFolder: (path) => orFail(() => disk.makeFolder(path)),
    remove: (path) => orFail(() => disk.remove(path)),
    syncFolder: (path) => orFail(() => disk.syncFolder(path)),
  };

  async function orFail(run: () => Promise<void>): Promise<void> {
    if (fails()) throw error(code);
    return run();
  }

  return {
    disk: broken,
    failAfter(calls) {
      left = calls;
      failed = false;
    },
    heal() {
      left = Infinity;
    },
    hasFailed: () => failed,
  };
}

function error(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
