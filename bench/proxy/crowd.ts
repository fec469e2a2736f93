import { once } from 'node:events';
import { connect } from 'node:net';

const AT_ONCE = 200;
const DRIP = 'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Drip: ';

export interface Crowd extends Disposable {
  /** Those that the server has not cut. */
  left(): number;
}

/** So many connections that never ask for anything; each tenth begins to, and drips on. */
export async function openCrowd(origin: string, count: number): Promise<Crowd> {
  const { hostname, port } = new URL(origin);
  const open = new Set<ReturnType<typeof connect>>();
  async function add(index: number): Promise<void> {
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    open.add(socket);
    if (index % 10 === 0) socket.write(DRIP);
  }
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => add(from + i)));
  }
  const drip = setInterval(() => {
    for (const socket of open) if (socket.bytesWritten > 0) socket.write('x');
  }, 1_000);
  return {
    left: () => open.size,
    [Symbol.dispose]() {
      clearInterval(drip);
      for (const socket of open) socket.destroy();
    },
  };
}
