// The least that a relay in Node can do: it copies bytes from socket to socket, parses nothing, and is no proxy. Run as a
// program with the origin's port, it prints its own.
import { connect, createServer, type Socket } from 'node:net';

const BYTES = 1024 * 1024;

function relay(client: Socket, port: number): void {
  const buffer = Buffer.allocUnsafeSlow(BYTES);
  const origin = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer,
      callback(bytes) {
        let isSent = false;
        client.write(buffer.subarray(0, bytes), () => {
          isSent = true;
          origin.resume();
        });
        // the one buffer is read into again when the client has it
        return isSent;
      },
    },
  });
  client.on('data', (piece) => origin.write(piece));
  for (const [one, other] of [
    [client, origin],
    [origin, client],
  ] as const)
    one
      .on('error', () => other.destroy())
      .on('end', () => other.end())
      .on('close', () => other.destroy());
}

const originPort = Number(process.argv[2]);
const server = createServer((client) => {
  relay(client, originPort);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`port ${typeof address === 'object' && address !== null ? address.port : 0}`);
});
