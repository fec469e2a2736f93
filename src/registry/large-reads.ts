import type { OnReadOpts, Socket } from 'node:net';
import type { buildConnector } from 'undici';

/** Bytes. Node reads 64 KiB at a time otherwise, and a large layer then costs twice the CPU. */
const SLAB_BYTES = 384 * 1024;

/**
 * Connects as `connect` makes it, and reads plain connections into slabs, one after the other and each to its very end: what
 * is pushed are views of a slab, in order. TLS brings at most 16 KiB at a time and is left alone.
 */
export function withLargeReads(
  connect: (onread?: OnReadOpts) => buildConnector.connector,
): buildConnector.connector {
  const plain = connect();
  return (target, callback) => {
    if (target.protocol !== 'http:') {
      plain(target, callback);
      return;
    }
    let socket: Socket | undefined;
    const onread = readSlabs((piece) => socket?.push(piece) ?? false);
    connect(onread)(target, (...outcome) => {
      socket = outcome[1] ?? undefined;
      callback(...outcome);
    });
  };
}

function readSlabs(push: (piece: Uint8Array) => boolean): OnReadOpts {
  let rest = Buffer.alloc(0);
  return {
    // Node asks again after each read, before anyone can have let go of what was read
    buffer() {
      if (rest.length === 0) rest = Buffer.allocUnsafeSlow(SLAB_BYTES);
      return rest;
    },
    callback(bytes) {
      const piece = rest.subarray(0, bytes);
      rest = rest.subarray(bytes);
      return push(piece);
    },
  };
}
