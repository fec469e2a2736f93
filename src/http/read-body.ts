import type { IncomingMessage } from 'node:http';

export type BodyResult =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly status: 400 | 413 | 415; readonly message: string };

/**
 * Reads a request's body whole. What is refused is not read on: answer it with `Connection: close`. Never rejects; how long
 * a body may take is the server's `requestTimeoutMs`. Own code, since express.json() costs half as much again as
 * everything else on the admission path.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<BodyResult> {
  const early = refusalByHeaders(request, maxBytes);
  if (early !== undefined) return Promise.resolve(early);

  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;

    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve(tooLarge(maxBytes));
    });
    request.on('end', () => {
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size);
      resolve({ kind: 'body', bytes });
    });
    // without an `end` before it, the client is gone; no listener for `error` is needed, and none is told then
    request.on('close', () => resolve(CUT_OFF));
  });
}

const CUT_OFF: BodyResult = {
  kind: 'refused',
  status: 400,
  message: 'the body ends before its announced length',
};

function refusalByHeaders({ headers }: IncomingMessage, maxBytes: number): BodyResult | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return {
      kind: 'refused',
      status: 415,
      message: 'the body has a Content-Encoding; send it as plain bytes',
    };
  }
  return Number(headers['content-length'] ?? 0) > maxBytes ? tooLarge(maxBytes) : undefined;
}

function tooLarge(maxBytes: number): BodyResult {
  return { kind: 'refused', status: 413, message: `the body is larger than ${maxBytes} bytes` };
}
