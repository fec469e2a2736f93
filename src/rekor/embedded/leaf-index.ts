import { HASH_BYTES } from '../../ledger/leaf-hash.ts';

const FIRST_SLOTS = 1_024;
const MAX_LOAD = 0.5;

/** Finds a leaf by its hash, in 8 to 16 bytes a leaf; the hashes themselves stay where they are. */
export interface LeafIndex {
  /** Index of the leaf with this hash, or undefined. */
  find(hash: Uint8Array): number | undefined;
  /** Adds the leaf whose hash `hashAt(index)` gives. Indexes are added in order. */
  add(index: number): void;
}

/** An open-addressing table over leaf hashes; they are uniform, so their first bytes serve as the slot. */
export function makeLeafIndex(hashAt: (index: number) => Uint8Array): LeafIndex {
  // a slot holds index + 1; 0 is free
  let slots = new Uint32Array(FIRST_SLOTS);
  let used = 0;

  function slotOf(hash: Uint8Array): number {
    const start = new DataView(hash.buffer, hash.byteOffset, HASH_BYTES).getUint32(0) % slots.length;
    let at = start;
    for (;;) {
      const entry = slots[at] ?? 0;
      if (entry === 0 || Buffer.compare(hashAt(entry - 1), hash) === 0) return at;
      at = (at + 1) % slots.length;
    }
  }

  function grow(): void {
    const old = slots;
    slots = new Uint32Array(old.length * 2);
    for (const entry of old) if (entry !== 0) slots[slotOf(hashAt(entry - 1))] = entry;
  }

  return {
    find(hash) {
      const entry = slots[slotOf(hash)] ?? 0;
      return entry === 0 ? undefined : entry - 1;
    },
    add(index) {
      used += 1;
      if (used > slots.length * MAX_LOAD) grow();
      slots[slotOf(hashAt(index))] = index + 1;
    },
  };
}
