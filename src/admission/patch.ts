export interface Replacement {
  /** JSON pointer (RFC 6901) of the image text. */
  readonly pointer: string;
  readonly from: string;
  readonly to: string;
}

/**
 * The JSON patch (RFC 6902) in base64: a `test` before each `replace`, so that a list that another webhook reordered
 * makes the patch fail and never pins the wrong container.
 */
export function renderPatch(replacements: readonly Replacement[]): string {
  const operations = replacements.flatMap(({ pointer, from, to }) => [
    { op: 'test', path: pointer, value: from },
    { op: 'replace', path: pointer, value: to },
  ]);
  return Buffer.from(JSON.stringify(operations)).toString('base64');
}
