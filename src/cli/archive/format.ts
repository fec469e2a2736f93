// An archive is a gzipped tar: first FORMAT_FILE, then one folder for each record, then the files for other tools.

export const FORMAT_FILE = 'tagseal-export.json';
export const FORMAT_TEXT = `${JSON.stringify({ format: 'tagseal-export', version: 1 })}\n`;

/** For other tools; an import does not read them: whom to trust is never taken from an archive. */
export const TOP_FILES = {
  trustedRoot: 'trusted_root.json',
  publicKey: 'tagseal.pub',
  identities: 'identity.json',
  readme: 'README.txt',
} as const;

/** Of a record's folder, in the order in which they are written. */
export const RECORD_FILES = [
  'record.json',
  'claim.json',
  'claim.sigstore.json',
  'binding.json',
  'binding.sigstore.json',
  'approval.json',
] as const;

export type RecordFile = (typeof RECORD_FILES)[number];

/** `t-`, 40 hex digits and perhaps a generation: `recordName`. */
export const RECORD_FOLDER = /^t-[0-9a-f]{40}(-[1-9][0-9]{0,8})?$/;

const MIB = 1_048_576;

/** Far above what Tagseal writes, far below what would hurt. */
export const ARCHIVE_LIMITS = {
  /** Of one file in the archive. */
  fileBytes: MIB,
  /** Of the archive itself. */
  packedBytes: 4096 * MIB,
  /** Of all of it unpacked. */
  unpackedBytes: 16_384 * MIB,
  /** Unpacked bytes for each packed one, beyond the first MiB. */
  ratio: 200,
  entries: 2_000_000,
} as const;

export type ArchiveLimits = { readonly [Name in keyof typeof ARCHIVE_LIMITS]: number };
