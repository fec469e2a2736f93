import { hash } from 'node:crypto';

/** Bytes of every hash in the tree. */
export const HASH_BYTES = 32;

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** SHA-256 of 0x00 and the leaf's body (RFC 6962 section 2.1). */
export function leafHash(body: Uint8Array): Uint8Array {
  const input = Buffer.allocUnsafe(1 + body.length);
  input[0] = LEAF_PREFIX;
  input.set(body, 1);
  return hash('sha256', input, 'buffer');
}

/** SHA-256 of 0x01 and both children, 32 bytes each (RFC 6962 section 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  input[0] = NODE_PREFIX;
  input.set(left, 1);
  input.set(right, 1 + HASH_BYTES);
  return hash('sha256', input, 'buffer');
}

/** Root of the tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Uint8Array {
  return hash('sha256', '', 'buffer');
}

/** Whether both are the same bytes. Hashes are public, so time may tell. */
export function sameHash(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
