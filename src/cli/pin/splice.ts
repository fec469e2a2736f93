import type { ImageSpot } from './find-images.ts';

/**
 * The text with new images in place of the old ones, quotes and everything else kept. `spots` are in order. A spot whose
 * image has no pin, or has itself for a pin, stays.
 */
export function splice(text: string, spots: readonly ImageSpot[], pins: ReadonlyMap<string, string>): string {
  const pieces: string[] = [];
  let from = 0;
  for (const { image, start, end, style } of spots) {
    const pinned = pins.get(image);
    if (pinned === undefined || pinned === image) continue;
    pieces.push(text.slice(from, start), rewritten(text.slice(start, end), image, { pinned, style }));
    from = end;
  }
  pieces.push(text.slice(from));
  return pieces.join('');
}

/** Images hold no character that any style would have to escape: parseReference saw to that. */
function rewritten(
  written: string,
  image: string,
  { pinned, style }: { readonly pinned: string; readonly style: ImageSpot['style'] },
): string {
  switch (style) {
    case 'QUOTE_DOUBLE':
      return `"${pinned}"`;
    case 'QUOTE_SINGLE':
      return `'${pinned}'`;
    case 'BLOCK_FOLDED':
    case 'BLOCK_LITERAL': {
      // the header, which may hold a comment, comes before the content
      const at = written.lastIndexOf(image);
      return written.slice(0, at) + pinned + written.slice(at + image.length);
    }
    case 'PLAIN':
      return pinned;
  }
}
