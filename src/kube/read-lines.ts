import { ShapeError } from './parse-object.ts';

const LINE_FEED = 0x0a;

/** Lines without their ends, empty ones left out; the rest after the last end is cut off. Throws ShapeError for a longer one. */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      parts.push(chunk.subarray(from, end));
      length += end - from;
      if (length > maxBytes) throw tooLong(maxBytes);
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      from = end + 1;
      if (line.trim() !== '') yield line;
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxBytes) throw tooLong(maxBytes);
  }
}

function tooLong(maxBytes: number): ShapeError {
  return new ShapeError(`a line is longer than ${maxBytes} bytes`);
}
