import { createHash } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { HASH_BYTES } from '../ledger/leaf-hash.ts';

/** A leaf that may be ours: it carries one of our keys or our identity, and its signature was not looked at. */
export interface OwnLeaf {
  readonly index: number;
  /** Hex SHA-256 of the statement that it is over. */
  readonly statementDigest: string;
  /** RFC 6962 leaf hash, hex. */
  readonly leafHash: string;
}

/** Leaves that may be ours in log order: some 170 bytes each, so that 100,000 take less than 20 MB. */
export interface OwnLeaves {
  readonly count: number;
  /** Throws INTERNAL for a leaf that does not stand behind all others. */
  add(leaf: {
    readonly index: number;
    readonly statementDigest: string;
    readonly leafHash: Uint8Array;
  }): void;
  at(ordinal: number): OwnLeaf | undefined;
  /** Ordinals of those over the statement of this digest, in log order. */
  ordinals(statementDigest: string): readonly number[];
  /** Ordinal of the one that stands at this index of the log. */
  ordinalAt(index: number): number | undefined;
  /** Forgets all but the first `count`. */
  truncate(count: number): void;
  /** The leaves of one block of BLOCK_LEAVES as bytes, LEAF_BYTES each: what a snapshot keeps. */
  block(number: number): Uint8Array;
  /** SHA-256 of the same. */
  blockHash(number: number): Uint8Array;
  /** Adds leaves as bytes. Throws INTERNAL for bytes that `block` cannot have made. */
  append(bytes: Uint8Array): void;
}

const INDEX_BYTES = 6;
/** Digest, leaf hash and index of a packed leaf. */
export const LEAF_BYTES = 2 * HASH_BYTES + INDEX_BYTES;
/** 191 kB in base64. */
export const BLOCK_LEAVES = 2_048;
const HEX_HASH = /^[0-9a-f]{64}$/;

export function makeOwnLeaves(): OwnLeaves {
  const blocks: Buffer[] = [];
  // of full blocks
  const hashes: Uint8Array[] = [];
  // the digest's bytes as a string of half the length of its hex digits; several leaves over one statement are rare
  const byDigest = new Map<string, number | number[]>();
  let count = 0;

  function packed(ordinal: number): Buffer {
    const at = (ordinal % BLOCK_LEAVES) * LEAF_BYTES;
    const block = blocks[Math.floor(ordinal / BLOCK_LEAVES)];
    if (block === undefined || ordinal >= count) throw broken(`there is no leaf ${ordinal}`);
    return block.subarray(at, at + LEAF_BYTES);
  }

  const indexOf = (ordinal: number): number => packed(ordinal).readUIntBE(2 * HASH_BYTES, INDEX_BYTES);

  function appendOne(bytes: Buffer): void {
    const before = count === 0 ? -1 : indexOf(count - 1);
    const index = bytes.readUIntBE(2 * HASH_BYTES, INDEX_BYTES);
    if (index <= before) throw broken(`leaf ${index} does not stand behind leaf ${before}`);
    const at = count % BLOCK_LEAVES;
    if (at === 0) blocks.push(Buffer.alloc(BLOCK_LEAVES * LEAF_BYTES));
    blocks.at(-1)?.set(bytes, at * LEAF_BYTES);
    const key = bytes.toString('latin1', 0, HASH_BYTES);
    const known = byDigest.get(key);
    if (known === undefined) byDigest.set(key, count);
    else if (typeof known === 'number') byDigest.set(key, [known, count]);
    else known.push(count);
    count += 1;
  }

  function forget(ordinal: number): void {
    const key = packed(ordinal).toString('latin1', 0, HASH_BYTES);
    const known = byDigest.get(key);
    if (typeof known === 'object' && known.length > 1) known.pop();
    else byDigest.delete(key);
  }

  function block(number: number): Uint8Array {
    const leaves = Math.min(BLOCK_LEAVES, count - number * BLOCK_LEAVES);
    return blocks[number]?.subarray(0, leaves * LEAF_BYTES) ?? Buffer.alloc(0);
  }

  function ordinals(statementDigest: string): readonly number[] {
    const known = byDigest.get(Buffer.from(statementDigest, 'hex').toString('latin1'));
    return typeof known === 'number' ? [known] : (known ?? []);
  }

  function at(ordinal: number): OwnLeaf | undefined {
    if (ordinal < 0 || ordinal >= count) return undefined;
    const bytes = packed(ordinal);
    return {
      index: indexOf(ordinal),
      statementDigest: bytes.toString('hex', 0, HASH_BYTES),
      leafHash: bytes.toString('hex', HASH_BYTES, 2 * HASH_BYTES),
    };
  }

  return {
    get count() {
      return count;
    },
    add({ index, statementDigest, leafHash }) {
      if (!HEX_HASH.test(statementDigest)) throw broken('a digest is not 64 hex digits');
      const bytes = Buffer.alloc(LEAF_BYTES);
      bytes.set(Buffer.from(statementDigest, 'hex'));
      bytes.set(leafHash, HASH_BYTES);
      bytes.writeUIntBE(index, 2 * HASH_BYTES, INDEX_BYTES);
      appendOne(bytes);
    },
    at,
    ordinals,
    ordinalAt(index) {
      let [low, high] = [0, count];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (indexOf(middle) < index) low = middle + 1;
        else high = middle;
      }
      return low < count && indexOf(low) === index ? low : undefined;
    },
    truncate(to) {
      while (count > to) {
        forget(count - 1);
        count -= 1;
      }
      blocks.length = Math.ceil(count / BLOCK_LEAVES);
      hashes.length = Math.min(hashes.length, Math.floor(count / BLOCK_LEAVES));
    },
    block,
    blockHash(number) {
      const known = hashes[number];
      if (known !== undefined) return known;
      const bytes = block(number);
      const hash = createHash('sha256').update(bytes).digest();
      if (bytes.length === BLOCK_LEAVES * LEAF_BYTES) hashes[number] = hash;
      return hash;
    },
    append(bytes) {
      const buffer = Buffer.from(bytes);
      if (buffer.length % LEAF_BYTES !== 0) throw broken('the packed leaves are cut off');
      for (let i = 0; i < buffer.length; i += LEAF_BYTES) appendOne(buffer.subarray(i, i + LEAF_BYTES));
    },
  };
}

/** Log indexes of leaves as bytes. */
export function* packedIndexes(bytes: Uint8Array): Iterable<number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i + LEAF_BYTES <= buffer.length; i += LEAF_BYTES)
    yield buffer.readUIntBE(i + 2 * HASH_BYTES, INDEX_BYTES);
}

function broken(why: string): AppError {
  return new AppError({
    code: 'INTERNAL',
    message: `cannot keep what was read of the log: ${why}; report this as an error of tagseal`,
  });
}
