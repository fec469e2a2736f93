import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

/** A record with both bundles has some 12 kB; certificates and timestamps may double that. */
export const MAX_RECORD_BYTES = 262_144;
/** Of the CRD. */
const MAX_TEXT_LENGTH = 524_288;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const compress = promisify<string, Uint8Array>(gzip);
const decompress = promisify(gunzip);

/** gzip in base64. */
export async function packText(text: string): Promise<string> {
  return Buffer.from(await compress(text)).toString('base64');
}

/** The text again, of at most MAX_RECORD_BYTES; undefined for anything else, a bomb too. */
export async function unpackText(packed: unknown): Promise<string | undefined> {
  if (typeof packed !== 'string' || packed.length > MAX_TEXT_LENGTH || !BASE64.test(packed)) return undefined;
  try {
    const bytes = await decompress(Buffer.from(packed, 'base64'), { maxOutputLength: MAX_RECORD_BYTES });
    return bytes.toString('utf8');
  } catch {
    // whatever is wrong with it, it is no text of ours; the caller says so
    return undefined;
  }
}
