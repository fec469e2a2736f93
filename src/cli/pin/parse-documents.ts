import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { documentError } from './document-error.ts';
import { excessOf, MAX_DOCUMENT_BYTES } from './limits.ts';

export interface ParsedSource {
  readonly file: string;
  /** The file's text; a byte order mark stays in it, so that offsets count from the first byte. */
  readonly text: string;
  readonly documents: readonly Document[];
  /** Line of an offset, from 1. */
  readonly lineAt: (offset: number) => number;
}

/** Reads YAML (or JSON) of any number of documents. Throws DOCUMENT_INVALID with file and line. */
export function parseSource(file: string, bytes: Uint8Array): ParsedSource {
  if (bytes.byteLength > MAX_DOCUMENT_BYTES) {
    throw documentError(file, undefined, `it has more than ${MAX_DOCUMENT_BYTES} bytes; split it`);
  }
  const text = decode(file, bytes);
  const excess = excessOf(text);
  if (excess !== undefined) throw documentError(file, undefined, excess);
  const lines = new LineCounter();
  const documents = parse(file, text, lines);
  const lineAt = (offset: number) => lines.linePos(offset).line;
  for (const { errors } of documents) {
    const [problem] = errors;
    if (problem === undefined) continue;
    throw documentError(
      file,
      lineAt(problem.pos[0]),
      `it is not YAML: ${firstLine(problem.message)}`,
      problem,
    );
  }
  return { file, text, documents, lineAt };
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw documentError(file, undefined, 'it is not UTF-8 text', error);
  }
}

function parse(file: string, text: string, lineCounter: LineCounter): readonly Document[] {
  try {
    // repeated keys are found by findImages: the parser looks for them in quadratic time
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
    return 'empty' in documents ? [] : documents;
  } catch (error) {
    if (error instanceof RangeError) throw documentError(file, undefined, 'it is nested too deeply', error);
    throw error;
  }
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}
