import canonicalize from 'canonicalize';

/** RFC 8785 canonical JSON. Throws TypeError for what JSON cannot say. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}
