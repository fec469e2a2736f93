import { isJsonObject } from './json-object.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Whether an object in this JSON has a key twice: then readers differ in what it says, and ours is not the API server's.
 * `value` is what JSON.parse made of the text. Each member has one colon outside of texts, and each key is counted once.
 */
export function hasDuplicateKeys(text: Uint8Array, value: unknown): boolean {
  return membersWritten(text) !== membersRead(value);
}

function membersWritten(text: Uint8Array): number {
  const { length } = text;
  let members = 0;
  for (let i = 0; i < length; i += 1) {
    const byte = text[i];
    if (byte === COLON) members += 1;
    else if (byte === QUOTE) i = endOfText(text, i + 1);
  }
  return members;
}

function endOfText(text: Uint8Array, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** Without recursion: depth is not bounded yet. */
function membersRead(root: unknown): number {
  const open: unknown[] = [root];
  let members = 0;
  while (open.length > 0) members += membersOf(open.pop(), open);
  return members;
}

/** Its members; what is nested in it goes to `open`. */
function membersOf(value: unknown, open: unknown[]): number {
  if (Array.isArray(value)) {
    for (const item of value) if (isNested(item)) open.push(item);
    return 0;
  }
  if (!isJsonObject(value)) return 0;
  let members = 0;
  // a fraction of what Object.values takes
  for (const key in value) {
    members += 1;
    const item = value[key];
    if (isNested(item)) open.push(item);
  }
  return members;
}

function isNested(item: unknown): boolean {
  return typeof item === 'object' && item !== null;
}
