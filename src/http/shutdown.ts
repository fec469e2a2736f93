import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';

export interface Drain {
  /**
   * From now on every answer ends its connection; requests are served all the same, on new connections too. Resolves when no
   * connection is left, at the latest after `forMs`. A connection that is closed while it is idle may meet a request that is
   * on its way, and clients do not repeat a POST.
   */
  retire(forMs: number): Promise<void>;
  /**
   * Stops accepting at once, closes what is idle, finishes what is in flight and closes its connections, and resolves when
   * the last is gone. After `graceMs` the rest is cut.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Follows connections and exchanges of a server from before it listens. Not left to `server.close()`: that takes an answer
 * for done once it is handed over, and cuts it off when the client reads slowly.
 */
export function followExchanges(server: Server): Drain {
  const accepted = new Set<Socket>();
  const connections = new Set<Socket>();
  const exchanges = new Set<ServerResponse>();
  let isLeaving = false;
  let isStopping = false;
  let onEmpty: () => void = () => undefined;

  remember(server, 'connection', accepted);
  server.on('connection', (socket: Socket) => {
    // after the one that takes it from the set
    socket.once('close', () => {
      if (accepted.size === 0) onEmpty();
    });
  });
  remember(server, server instanceof https.Server ? 'secureConnection' : 'connection', connections);
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    exchanges.add(response);
    if (isLeaving) response.setHeader('Connection', 'close');
    // comes after the last byte was handed to the system, or with the loss of the connection
    response.once('close', () => {
      exchanges.delete(response);
      if (isStopping && !isBusy(socket)) socket.destroySoon();
    });
  });

  function isBusy(socket: Socket): boolean {
    for (const { req } of exchanges) if (req.socket === socket) return true;
    return false;
  }

  function leave(): void {
    isLeaving = true;
    for (const response of exchanges) {
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }

  return {
    async retire(forMs) {
      leave();
      if (accepted.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), forMs);
      onEmpty = () => resolve(undefined);
      await promise;
      clearTimeout(timer);
    },
    async stop(graceMs) {
      const { promise: closed, resolve } = Promise.withResolvers<undefined>();
      net.Server.prototype.close.call(server, () => resolve(undefined));
      leave();
      // what has arrived already is read first: its connection is not idle
      await immediate();
      isStopping = true;
      for (const socket of connections) if (!isBusy(socket)) socket.destroySoon();
      const cut = setTimeout(() => {
        for (const socket of accepted) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(cut);
      // nothing is left to cut; this ends the server's own timers
      server.close();
    },
  };
}

function remember(server: Server, event: 'connection' | 'secureConnection', sockets: Set<Socket>): void {
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
}
