/** The value, or undefined for what is no JSON: whoever asked for some decides what that means. */
export function parseJson(bytes: Uint8Array | string | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
