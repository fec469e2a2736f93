import { connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTo } from 'node:net';
import type { Finished } from '../../support/start-process.ts';

const OK = '0';

export interface CriLogin {
  readonly name: string;
  readonly password: string;
}

/** `runtime.v1.ImageService/PullImage` as a kubelet calls it; the exit code is the gRPC status, stderr its message. */
export function criPull(socket: string, image: string, login?: CriLogin): Promise<Finished> {
  return call(socket, 'PullImage', pullRequest(image, login));
}

/** PullImageRequest: ImageSpec image = 1 {string image = 1}, AuthConfig auth = 2 {string username = 1, password = 2}. */
function pullRequest(image: string, login?: CriLogin): Buffer {
  const spec = field(1, field(1, Buffer.from(image)));
  if (login === undefined) return spec;
  const auth = Buffer.concat([field(1, Buffer.from(login.name)), field(2, Buffer.from(login.password))]);
  return Buffer.concat([spec, field(2, auth)]);
}

/** A length-delimited field of protobuf. */
function field(number: number, bytes: Buffer): Buffer {
  const varint = [];
  let left = bytes.length;
  for (; left > 0x7f; left >>= 7) varint.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint, left]), bytes]);
}

async function call(socket: string, method: string, message: Buffer): Promise<Finished> {
  const session = connect('http://localhost', { createConnection: () => connectTo(socket) });
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        ':method': 'POST',
        ':path': `/runtime.v1.ImageService/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      let [status, text] = ['', ''];
      const hear = (headers: IncomingHttpHeaders) => {
        const { 'grpc-status': told, 'grpc-message': message = '' } = headers;
        if (told !== undefined) [status, text] = [String(told), decodeURIComponent(String(message))];
      };
      stream.on('response', hear).on('trailers', hear).on('error', reject);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('close', () => {
        const stdout = Buffer.concat(chunks).subarray(7).toString();
        resolve({ code: status === OK ? 0 : 1, signal: null, stdout, stderr: text });
      });
      const length = Buffer.alloc(5);
      length.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([length, message]));
    });
  } finally {
    session.close();
  }
}
