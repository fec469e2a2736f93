import { AppError } from '../errors/app-error.ts';

/** All bytes of a stream, which ends before it has given more than `limit`. Throws DOCUMENT_INVALID. */
export async function readAtMost(stream: AsyncIterable<unknown>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new AppError({ code: 'INTERNAL', message: 'a stream of text' });
    size += chunk.byteLength;
    if (size > limit) {
      throw new AppError({
        code: 'DOCUMENT_INVALID',
        message: `standard input has more than ${limit} bytes; split it`,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
