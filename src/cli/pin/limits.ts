import { Lexer } from 'yaml';

/** More than any manifest bundle; a Kubernetes object has at most 1.5 MiB. */
export const MAX_DOCUMENT_BYTES = 8 * 1_048_576;
const MAX_TOKENS = 4_000_000;
const MAX_TOKEN_LENGTH = 1_572_864;
const MAX_DOCUMENTS = 100_000;
const MAX_DEPTH = 100;

/** The lexer marks a plain or block scalar by this character; the token after it is the scalar. */
const SCALAR = '\u001f';
/** Where a document begins without `---`. */
const DOCUMENT = '\u0002';

/**
 * Why the text would cost the YAML parser too much memory or stack, or undefined. The lexer streams, and so can stop at
 * the first excess. Nesting by indentation needs no limit: it costs its square in bytes.
 */
export function excessOf(text: string): string | undefined {
  let tokens = 0;
  let documents = 0;
  const nesting = makeNesting();
  let previous = '';
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (previous !== SCALAR && (token === DOCUMENT || token === '---')) documents += 1;
    if (previous !== SCALAR) nesting.enter(token);
    previous = previous === SCALAR ? '' : token;
    const excess = reason({ tokens, documents, depth: nesting.depth(), length: token.length });
    if (excess !== undefined) return excess;
  }
  return undefined;
}

interface Cost {
  readonly tokens: number;
  readonly documents: number;
  readonly depth: number;
  readonly length: number;
}

function reason({ tokens, documents, depth, length }: Cost): string | undefined {
  if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
  if (depth < 0) return 'a bracket is closed that was never opened';
  if (tokens > MAX_TOKENS) return `it has more than ${MAX_TOKENS} parts; split it`;
  if (documents > MAX_DOCUMENTS) return `it has more than ${MAX_DOCUMENTS} documents; split it`;
  if (length > MAX_TOKEN_LENGTH) return `it holds a text longer than ${MAX_TOKEN_LENGTH} characters`;
  return undefined;
}

/** Brackets that are open, and the `- - ?` of the line at hand. */
function makeNesting() {
  let flow = 0;
  let onLine = 0;
  return {
    enter(token: string): void {
      if (token === '[' || token === '{') flow += 1;
      else if (token === ']' || token === '}') flow -= 1;
      else if (token === '-' || token === '?') onLine += 1;
      else if (token.includes('\n')) onLine = 0;
    },
    depth: () => (flow < 0 ? flow : flow + onLine),
  };
}
