export interface Replacement {
  /** JSON pointer (RFC 6901) of the image text. */
  readonly pointer: string;
  readonly from: string;
  readonly to: string;
}

/** Sets a text, whether it was there or not. */
export interface Addition {
  readonly pointer: string;
  readonly value: string;
}

/**
 * The JSON patch (RFC 6902) in base64: a `test` before each `replace`, so that a list that another webhook reordered
 * makes the patch fail and never pins the wrong container.
 */
export function renderPatch(
  replacements: readonly Replacement[],
  additions: readonly Addition[] = [],
): string {
  // put together by hand: one JSON.stringify of the whole would cost four times as much, for every Pod
  const operations = replacements.map(({ pointer, from, to }) => {
    const path = JSON.stringify(pointer);
    const test = `{"op":"test","path":${path},"value":${JSON.stringify(from)}}`;
    return `${test},{"op":"replace","path":${path},"value":${JSON.stringify(to)}}`;
  });
  for (const { pointer, value } of additions) {
    operations.push(JSON.stringify({ op: 'add', path: pointer, value }));
  }
  return Buffer.from(`[${operations.join(',')}]`).toString('base64');
}
