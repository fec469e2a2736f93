import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { call } from '../../support/http-call.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const PATH = `/v2/ghcr.io/acme/api/blobs/${digestOfA}`;

async function pulled(pieces: readonly Buffer[]): Promise<string> {
  await using proxy = await proxySetup(scriptedCheck({}).checkImage);
  const body = Readable.from(pieces);
  proxy.upstream.blobAnswer = async () => ({ kind: 'stream', status: 200, headers: {}, body });
  return (await call(proxy.url, PATH)).text;
}

/** Pieces that fill their buffers, as those of a connection do. */
function pieces(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(new TextEncoder().encode(text).buffer));
}

describe('the pieces of a streamed blob', () => {
  it('arrive in order, and their memory is given back when they are sent', async () => {
    const sent = pieces('one ', 'two ', 'three');
    expect(await pulled(sent)).toBe('one two three');
    expect(sent.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
  });

  it('arrive whole when they share a buffer', async () => {
    const [whole = Buffer.alloc(0)] = pieces('one two three');
    const shared = [whole.subarray(0, 4), whole.subarray(4, 8), whole.subarray(8)];
    expect(await pulled(shared)).toBe('one two three');
    expect(whole.toString()).toBe('one two three');
  });

  it('arrive whole when they share a large buffer, and its memory is given back with the last', async () => {
    const slab = Buffer.allocUnsafeSlow(2 * Buffer.poolSize).fill('x');
    const shared = [slab.subarray(10, 20), slab.subarray(20, 100_000), slab.subarray(100_000)];
    expect(await pulled(shared)).toBe('x'.repeat(2 * Buffer.poolSize - 10));
    expect(slab.buffer.byteLength).toBe(0);
  });
});
