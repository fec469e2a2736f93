import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Holds a server at `most` connections: whoever comes then takes the place of the one that has been idle for longest, be it
 * that its headers never came to an end. Only when all of them wait for an answer the new one is refused.
 */
export function makeRoom(server: Server, most: number): void {
  const busy = new Map<string, number>();
  // in the order in which they fell idle
  const idle = new Map<string, Socket>();
  const open = new Map<string, Socket>();

  server.on('connection', (socket: Socket) => {
    const end = farEnd(socket);
    if (open.size >= most && !cutOldest()) {
      socket.destroy();
      return;
    }
    open.set(end, socket);
    idle.set(end, socket);
    socket.once('close', () => {
      // another connection may have the same far end by now
      if (open.get(end) === socket) forget(end);
    });
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const end = farEnd(request.socket);
    busy.set(end, (busy.get(end) ?? 0) + 1);
    idle.delete(end);
    response.once('close', () => {
      const left = (busy.get(end) ?? 1) - 1;
      if (left > 0) busy.set(end, left);
      else busy.delete(end);
      const socket = open.get(end);
      if (left <= 0 && socket !== undefined) idle.set(end, socket);
    });
  });

  function forget(end: string): void {
    open.delete(end);
    idle.delete(end);
    busy.delete(end);
  }

  function cutOldest(): boolean {
    for (const [end, socket] of idle) {
      forget(end);
      socket.destroy();
      return true;
    }
    return false;
  }
}

/** The same for a connection and for the TLS in it. */
function farEnd({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
