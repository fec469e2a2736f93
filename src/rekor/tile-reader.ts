import { quote } from '../errors/quote.ts';
import { foldRange, makeCompactRange } from '../ledger/compact-range.ts';
import { HASH_BYTES } from '../ledger/leaf-hash.ts';
import { inclusionRanges, rangeNodes, type LeafRange, type SubtreeNode } from '../ledger/merkle-tiles.ts';
import { entryInvalid, unexpectedAnswer } from './log-answer.ts';
import {
  MAX_BUNDLE_BYTES,
  parseEntryBundle,
  printTilePath,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileWidth,
  type Tile,
} from './tiles.ts';
import type { LogTransport } from './transport.ts';

const MAX_TILE_BYTES = TILE_WIDTH * HASH_BYTES;
const MAX_CHECKPOINT_BYTES = 65_536;

/** Reads the files of a tile log (C2SP tlog-tiles); nothing that it returns is verified. */
export interface TileReader {
  /** The signed note. */
  checkpoint(signal: AbortSignal): Promise<string>;
  /** The first `width` entries of a bundle, in a log that had a checkpoint at which the bundle was that wide. */
  entries(index: number, width: number, signal: AbortSignal): Promise<readonly Uint8Array[]>;
  /** The audit path of a leaf in the tree of the first `treeSize` leaves. */
  inclusionProof(index: number, treeSize: number, signal: AbortSignal): Promise<readonly Uint8Array[]>;
}

export interface TileReaderOptions {
  readonly transport: LogTransport;
  /** Put before `/checkpoint` and `/tile/…`: `/api/v2` for Rekor, nothing for a static server over its folder. */
  readonly prefix: string;
  /** For messages. */
  readonly url: string;
}

type ReadTile = (tile: Tile) => Promise<Uint8Array>;

/** Throws LOG_UNAVAILABLE and, for files that cannot be what they should, LOG_ENTRY_INVALID. */
export function makeTileReader({ transport, prefix, url }: TileReaderOptions): TileReader {
  const doing = (path: string) => `read ${quote(path)} of the log ${quote(url)}`;

  async function get(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const answer = await transport({ method: 'GET', path: `${prefix}/${path}`, maxBytes, signal });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw unexpectedAnswer(doing(path), answer);
    if (answer.body.length > maxBytes) throw entryInvalid(doing(path), `it is longer than ${maxBytes} bytes`);
    return answer.body;
  }

  /** A partial tile may be gone once the full one is there ("Partial Tiles"). */
  async function getTile(tile: Tile, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const path = printTilePath(tile);
    const exact = await get(path, maxBytes, signal);
    if (exact !== undefined) return exact;
    const full =
      tile.width === TILE_WIDTH
        ? undefined
        : await get(printTilePath({ ...tile, width: TILE_WIDTH }), maxBytes, signal);
    if (full !== undefined) return full;
    throw unexpectedAnswer(doing(path), { status: 404, headers: {}, body: Buffer.from('no such tile') });
  }

  /** The hash of a complete subtree, out of the one tile that holds the top of it. */
  async function node({ level, index }: SubtreeNode, treeSize: number, read: ReadTile): Promise<Uint8Array> {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const span = 2 ** (level % TILE_HEIGHT);
    const tileIndex = Math.floor((index * span) / TILE_WIDTH);
    const tile: Tile = {
      level: tileLevel,
      index: tileIndex,
      width: tileWidth(tileLevel, tileIndex, treeSize),
    };
    const bytes = await read(tile);
    const first = (index * span) % TILE_WIDTH;
    if (bytes.length % HASH_BYTES !== 0 || bytes.length < (first + span) * HASH_BYTES) {
      throw entryInvalid(doing(printTilePath(tile)), `it holds ${bytes.length} bytes`);
    }
    const range = makeCompactRange();
    for (let i = first; i < first + span; i += 1)
      range.append(bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
    return range.root();
  }

  return {
    async checkpoint(signal) {
      const bytes = await get('checkpoint', MAX_CHECKPOINT_BYTES, signal);
      if (bytes === undefined) throw entryInvalid(doing('checkpoint'), 'it has none');
      return Buffer.from(bytes).toString('utf8');
    },
    async entries(index, width, signal) {
      const tile: Tile = { level: 'entries', index, width };
      const bytes = await getTile(tile, MAX_BUNDLE_BYTES, signal);
      const entries = readEntries(doing(printTilePath(tile)), bytes);
      if (entries.length < width)
        throw entryInvalid(doing(printTilePath(tile)), `it holds only ${entries.length} entries`);
      return entries.slice(0, width);
    },
    async inclusionProof(index, treeSize, signal) {
      const read = once((tile) => getTile(tile, MAX_TILE_BYTES, signal));
      const hashOf = async ({ start, end }: LeafRange) =>
        foldRange(await Promise.all(rangeNodes(start, end).map((each) => node(each, treeSize, read))));
      return Promise.all(inclusionRanges(index, treeSize).map(hashOf));
    },
  };
}

function readEntries(doing: string, bytes: Uint8Array): readonly Uint8Array[] {
  try {
    return parseEntryBundle(bytes);
  } catch (cause) {
    throw entryInvalid(doing, 'it is no bundle of entries', cause);
  }
}

/** One proof needs a tile at several levels. */
function once(read: ReadTile): ReadTile {
  const tiles = new Map<string, Promise<Uint8Array>>();
  return (tile) => {
    const path = printTilePath(tile);
    const bytes = tiles.get(path) ?? read(tile);
    tiles.set(path, bytes);
    return bytes;
  };
}
