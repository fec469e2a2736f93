import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { Agent, type Dispatcher } from 'undici';

export interface LoopbackServer extends AsyncDisposable {
  readonly url: string;
  /** For clients of this server: its connections end with it. */
  readonly dispatcher: Dispatcher;
}

/** A server on a free port of loopback. */
export async function startLoopbackServer(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const dispatcher = new Agent();
  return {
    url: `http://127.0.0.1:${address.port}`,
    dispatcher,
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** How long a client waits for this server: only a bad one is given up, so that a slow machine fails no test. */
export function patienceMs(listener: RequestListener): number {
  return Object.values(BAD_LISTENERS).includes(listener) ? 200 : 60_000;
}

/** Answers of whoever means no good to a client that waits for a small document. */
export const BAD_LISTENERS: Readonly<Record<string, RequestListener>> = {
  'an endless answer': (_, response) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(16_384, 'a')));
      response.once('drain', more);
    };
    more();
  },
  'an answer that never comes': () => undefined,
  'an answer that drips': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{');
  },
  'a redirect': (_, response) => {
    response.writeHead(307, { location: '/elsewhere' }).end();
  },
  'a web page': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>');
  },
  'nothing at all': (_, response) => {
    response.writeHead(200).end();
  },
  'a broken connection': (request) => request.socket.destroy(),
  'a server error': (_, response) => {
    response.writeHead(503).end('busy');
  },
  'deeply nested JSON': (_, response) => {
    response.writeHead(200).end(`${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`);
  },
};
