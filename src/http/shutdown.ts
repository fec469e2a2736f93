import type { Server, ServerResponse } from 'node:http';

const IDLE_CHECK_MS = 25;

/**
 * Stops accepting at once, tells every live connection to close after its answer, and resolves when the last is gone.
 * After `graceMs` the rest is cut. A plain `close()` would hang for as long as one keep-alive connection lives.
 */
export async function stopServer(server: Server, graceMs: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  // before the handler, so that requests on connections that are still open say farewell too
  server.prependListener('request', (_request, response: ServerResponse) => {
    response.setHeader('Connection', 'close');
  });
  server.close(() => resolve(undefined));
  server.closeIdleConnections();
  // an answer that was begun before keeps its connection alive: it turns idle and is closed here
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
