/** Hashes in a full tile, and entries in a full entry bundle (C2SP tlog-tiles, "Merkle Tree"). */
export const TILE_WIDTH = 256;
/** Levels of the tree in one tile. */
export const TILE_HEIGHT = 8;
/** An entry's length is a uint16. */
export const MAX_ENTRY_BYTES = 65_535;
export const MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2);

export interface Tile {
  /** Level of the tile (not of the tree), 0 to 5; or the bundle of entries beside level 0. */
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256; 256 is a full tile. */
  readonly width: number;
}

/** `tile/<L>/<N>[.p/<W>]`, N in groups of three digits: 1234067 is `x001/x234/067`. */
export function printTilePath({ level, index, width }: Tile): string {
  const groups = index
    .toString()
    .padStart(3, '0')
    .split(/(?=(?:[0-9]{3})+$)/);
  groups[0] = (groups[0] ?? '').padStart(3, '0');
  const last = groups.length - 1;
  const path = groups.map((group, i) => (i === last ? group : `x${group}`)).join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** The tile that a path names, or undefined for every text that printTilePath would not print. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|[0-5])\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(
    path,
  );
  if (match === null) return undefined;
  const [, level = '', groups = '', partial] = match;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  return tile.width <= TILE_WIDTH && printTilePath(tile) === path ? tile : undefined;
}

/** How many hashes (or entries) a tile has in a tree of this size: 0 to 256. */
export function tileWidth(level: number | 'entries', index: number, treeSize: number): number {
  const nodes = Math.floor(treeSize / TILE_WIDTH ** (level === 'entries' ? 0 : level));
  return Math.max(0, Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH));
}

/** The entries of a bundle in order, each preceded by its length as a big-endian uint16. Throws RangeError. */
export function parseEntryBundle(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length) throw new RangeError(`entry ${entries.length} is cut off`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (entries.length > TILE_WIDTH) throw new RangeError(`it holds ${entries.length} entries`);
  return entries;
}

/** The bundle of at most 256 entries. Throws RangeError for an entry longer than 65,535 bytes. */
export function printEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES) throw new RangeError('an entry is longer than 65535 bytes');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}
