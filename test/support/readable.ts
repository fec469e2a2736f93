const BASE64 = /[A-Za-z0-9+/]{16,}/g;
const BASE64URL = /[A-Za-z0-9_-]{16,}/g;
const HEX = /(?:[0-9A-Fa-f]{2}){16,}/g;
const DEPTH = 4;

/**
 * Bytes as whoever wants to know would read them: as they are, and what is encoded in them to some depth (base64 in JSON
 * in base64). One character is one byte, in lower case.
 */
export function readable(bytes: Uint8Array): readonly string[] {
  return layersOf(Buffer.from(bytes).toString('latin1'), DEPTH).map((layer) => layer.toLowerCase());
}

/** What of these words can be read in any of it. */
export function foundIn(sent: readonly Uint8Array[], words: readonly Uint8Array[]): readonly Uint8Array[] {
  const layers = sent.flatMap((each) => readable(each));
  return words.filter((word) => {
    const needles = written(word);
    return layers.some((layer) => needles.some((needle) => layer.includes(needle)));
  });
}

/** A word in each way that it can be written down; the ones that are decoded anyway only help against odd alignment. */
function written(word: Uint8Array): readonly string[] {
  const bytes = Buffer.from(word);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [bytes.toString('latin1'), bytes.toString('hex'), base64, bytes.toString('base64url')].map((each) =>
    each.toLowerCase(),
  );
}

function layersOf(text: string, depth: number): readonly string[] {
  if (depth === 0) return [text];
  const decoded = [
    percentDecoded(text),
    ...decodedRuns(text, BASE64, 'base64'),
    ...decodedRuns(text, BASE64URL, 'base64url'),
    ...decodedRuns(text, HEX, 'hex'),
  ];
  const others = new Set(decoded.filter((each) => each !== text));
  return [text, ...[...others].flatMap((each) => layersOf(each, depth - 1))];
}

function decodedRuns(
  text: string,
  runs: RegExp,
  encoding: 'base64' | 'base64url' | 'hex',
): readonly string[] {
  return (text.match(runs) ?? []).map((run) => Buffer.from(run, encoding).toString('latin1'));
}

function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
