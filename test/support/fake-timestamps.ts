import type { RequestListener } from 'node:http';
import { AsnConvert } from '@peculiar/asn1-schema';
import { TimeStampReq, TSTInfo } from '@peculiar/asn1-tsp';
import type { Clock } from '../../src/protocol/ports.ts';
import { bytesOf } from './fake-fulcio.ts';

const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const TST_INFO = Buffer.from('060b2a864886f70d0109100104', 'hex');

export interface FakeTimestamps {
  readonly listener: RequestListener;
  readonly requests: readonly TimeStampReq[];
  /** Changes what the next timestamps say. */
  next: (info: TSTInfo) => void;
  /** Changes the next answers as a whole; undefined sends them as they are. */
  mangle: ((response: Buffer) => Buffer) | undefined;
  /** PKIStatus of the next answers. */
  status: number;
}

/** A timestamp authority whose answers have the right form and no signature. */
export function makeFakeTimestamps({ clock }: { readonly clock: Clock }): FakeTimestamps {
  const requests: TimeStampReq[] = [];
  const fake: FakeTimestamps = {
    requests,
    next: () => undefined,
    mangle: undefined,
    status: 0,
    listener(request, response) {
      void (async () => {
        const asked = AsnConvert.parse(await bytesOf(request), TimeStampReq);
        requests.push(asked);
        const info = new TSTInfo({
          policy: '1.2.3',
          messageImprint: asked.messageImprint,
          serialNumber: Uint8Array.of(1).buffer,
          genTime: new Date(clock.now()),
          ...(asked.nonce !== undefined && { nonce: asked.nonce }),
        });
        fake.next(info);
        const token = Buffer.from(AsnConvert.serialize(info));
        const answer = fake.status === 0 ? granted(token) : rejected(fake.status);
        response.writeHead(201, { 'content-type': 'application/timestamp-reply' });
        response.end(fake.mangle === undefined ? answer : fake.mangle(answer));
      })();
    },
  };
  return fake;
}

function granted(info: Buffer): Buffer {
  const content = tlv(0x30, TST_INFO, tlv(0xa0, tlv(0x04, info)));
  const signedData = tlv(0x30, tlv(0x02, Buffer.of(3)), tlv(0x31), content, tlv(0x31));
  return tlv(0x30, statusInfo(0), tlv(0x30, SIGNED_DATA, tlv(0xa0, signedData)));
}

function rejected(status: number): Buffer {
  return tlv(0x30, statusInfo(status, 'not today'));
}

function statusInfo(status: number, words?: string): Buffer {
  const text = words === undefined ? [] : [tlv(0x30, tlv(0x0c, Buffer.from(words)))];
  return tlv(0x30, tlv(0x02, Buffer.of(status)), ...text);
}

/** One DER value (X.690 section 8.1). */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...header), content]);
}
