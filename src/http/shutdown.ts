import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Socket } from 'node:net';

export interface Drain {
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
  let isStopping = false;

  remember(server, 'connection', accepted);
  remember(server, server instanceof https.Server ? 'secureConnection' : 'connection', connections);
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    exchanges.add(response);
    if (isStopping) response.setHeader('Connection', 'close');
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

  return {
    async stop(graceMs) {
      isStopping = true;
      const { promise: closed, resolve } = Promise.withResolvers<undefined>();
      net.Server.prototype.close.call(server, () => resolve(undefined));
      for (const response of exchanges) {
        if (!response.headersSent) response.setHeader('Connection', 'close');
      }
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
