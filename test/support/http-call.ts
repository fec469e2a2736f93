import http from 'node:http';
import https from 'node:https';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

export interface Call {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** PEM of the CA that a https server is checked against. */
  readonly ca?: string;
  readonly agent?: http.Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request whose path goes out exactly as written: fetch would tidy it up. Redirects are not followed. */
export function call(origin: string, path: string, options: Call = {}): Promise<Answer> {
  const { hostname, port, protocol } = new URL(origin);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = (protocol === 'https:' ? https : http).request(
    {
      host: hostname,
      port,
      path,
      method: options.method ?? 'GET',
      headers: options.headers ?? {},
      agent: options.agent ?? false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        });
      });
    },
  );
  request.on('error', reject);
  request.end(options.body);
  return promise;
}
