import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { errorBody, sendJson } from '../../http/json.ts';
import { readBody } from '../../http/read-body.ts';
import type { LogTransport } from '../transport.ts';

/** A hashedrekord request has some 600 bytes. */
const MAX_REQUEST_BYTES = 65_536;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** The embedded log's API for other processes: Rekor v2's write call and the tiles, read by the same client. */
export function makeLogHttpHandler(transport: LogTransport): RequestListener {
  return (request, response) => {
    answer(transport, request, response).catch(() => {
      // nobody else hears of it: an answer that fails must cost this exchange and not the process
      if (response.headersSent) response.destroy();
      else sendJson(response, 503, errorBody('UNAVAILABLE', 'the log cannot answer; see its folder'));
    });
  };
}

async function answer(
  transport: LogTransport,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = request.method === 'POST' ? 'POST' : 'GET';
  if (request.method !== method && request.method !== 'HEAD') {
    sendJson(response, 405, errorBody('METHOD_NOT_ALLOWED', 'use GET or POST'), { Allow: 'GET, POST' });
    return;
  }
  const body = await readBody(request, MAX_REQUEST_BYTES);
  if (body.kind === 'refused') {
    sendJson(response, body.status, errorBody('BAD_REQUEST', body.message), { Connection: 'close' });
    return;
  }
  const answered = await transport({
    method,
    path: request.url ?? '/',
    body: body.bytes,
    maxBytes: MAX_ANSWER_BYTES,
    signal: new AbortController().signal,
  });
  response.writeHead(answered.status, { ...answered.headers, 'Content-Length': answered.body.length });
  response.end(request.method === 'HEAD' ? undefined : answered.body);
}
