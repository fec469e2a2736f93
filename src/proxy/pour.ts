import type { ServerResponse } from 'node:http';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Streams a body to a client, a piece at a time: the next one is read when the system has taken the last. Rejects when either
 * end breaks or the signal aborts; both ends are destroyed then.
 */
export async function pour(body: Readable, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const client = new Writable({
    highWaterMark: 1,
    write(piece: Buffer, _encoding, done) {
      response.write(piece, (error) => {
        release(piece);
        done(error);
      });
    },
    final(done) {
      response.end(done);
    },
    destroy(error, done) {
      if (error !== null) response.destroy();
      done(error);
    },
  });
  await pipeline(body, client, { signal });
}

/**
 * Gives the memory of a piece that was sent back at once. Left to the collector, the pieces of a few pulls fill hundreds of
 * megabytes, and collecting them takes longer than sending them. A piece that fills its buffer shares it with no other.
 */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}
