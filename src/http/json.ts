import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Answers with a JSON body of known length. Does nothing when the headers are gone already. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText(response, status, JSON.stringify(body), headers);
}

/** As sendJson, for a body that is JSON text already. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** The error body of every door that has no form of its own. */
export function errorBody(
  code: string,
  message: string,
): { readonly code: string; readonly message: string } {
  return { code, message };
}
