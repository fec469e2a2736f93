/** How deep and how long a JSON text may be. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** The value of a JSON text in UTF-8. Throws RangeError beyond the limits, SyntaxError and TypeError for bad text. */
export function parseBoundedJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  if (bytes.length > limits.maxBytes) throw new RangeError(`longer than ${limits.maxBytes} bytes`);
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  assertDepth(value, limits.maxDepth);
  return value;
}

/** Throws RangeError when the value is nested deeper than `maxDepth`. */
export function assertDepth(value: unknown, maxDepth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (maxDepth === 0) throw new RangeError('nested too deeply');
  for (const child of Object.values(value)) assertDepth(child, maxDepth - 1);
}
