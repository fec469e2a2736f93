import type { ServerResponse } from 'node:http';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DigestCheck } from './digest-check.ts';

export interface Pouring {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  /** Absent: any bytes will do. */
  readonly check?: DigestCheck | undefined;
}

/**
 * Streams a body to a client, a piece at a time: the next one is read when the system has taken the last. Rejects when either
 * end breaks, the signal aborts or the check fails; both ends are destroyed then, before the client has the whole.
 */
export async function pour(body: Readable, { response, signal, check }: Pouring): Promise<void> {
  const client = new Writable({
    highWaterMark: 1,
    write(piece: Buffer, _encoding, done) {
      const wrong = check?.take(piece);
      if (wrong !== undefined) {
        done(wrong);
        return;
      }
      response.write(piece, (error) => {
        release(piece);
        done(error);
      });
    },
    final(done) {
      const wrong = check?.end();
      if (wrong === undefined) response.end(done);
      else done(wrong);
    },
    destroy(error, done) {
      if (error !== null) response.destroy();
      done(error);
    },
  });
  await pipeline(body, client, { signal });
}

/**
 * Gives the memory of what was sent back at once. Left to the collector, the pieces of a few pulls fill hundreds of
 * megabytes, and collecting them takes longer than sending them. Pieces come in order, so the one that reaches the end of
 * their buffer is the last of it; a buffer no larger than Node's pool of small ones may be that, and shared.
 */
function release({ buffer, byteOffset, byteLength }: Buffer): void {
  const isLast = byteOffset + byteLength === buffer.byteLength;
  const isOwn = byteOffset === 0 || buffer.byteLength > Buffer.poolSize;
  if (buffer instanceof ArrayBuffer && isLast && isOwn) buffer.transfer(0);
}
