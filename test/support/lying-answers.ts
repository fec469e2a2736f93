import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Answer } from './lying-api.ts';

const DRIP_MS = 20;
const WEB = { 'content-type': 'text/html; charset=utf-8' };
const PAGE = Buffer.from('<!doctype html><html><body>sign in</body></html>');

/** What can be wrong with an answer, whatever it says. */
export const ANSWER_LIES = {
  wrongContentType: 'the right bytes as a web page',
  html: 'a web page',
  garbage: 'half an answer',
  garbageGzip: 'garbage that calls itself gzip',
  endless: 'an answer that never ends',
  slowDrip: 'an answer of one byte now and then',
  silence: 'nothing, for ever',
  brokenConnection: 'a connection that ends',
  redirect: 'that another address has it',
  serverError: 'a gateway that finds no log',
  rateLimited: 'that it is asked too often',
} as const;

export type AnswerLie = keyof typeof ANSWER_LIES;

/** How each answer that is not sent as it should be is changed. */
const CHANGES: Readonly<Record<Exclude<AnswerLie, keyof typeof WRITERS>, (said: Answer) => Answer>> = {
  wrongContentType: (said) => ({ ...said, headers: { ...said.headers, ...WEB } }),
  html: (said) => ({ ...said, headers: WEB, body: PAGE }),
  garbage: (said) => ({ ...said, body: said.body.subarray(0, said.body.length / 2) }),
  garbageGzip: ({ status, headers }) => ({
    status,
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: randomBytes(200),
  }),
  redirect: () => ({ status: 307, headers: { location: '/elsewhere' }, body: Buffer.alloc(0) }),
  serverError: () => ({ status: 502, headers: WEB, body: Buffer.from('<html>Bad Gateway</html>') }),
  rateLimited: () => ({ status: 429, headers: { 'retry-after': '1' }, body: Buffer.alloc(0) }),
};

const WRITERS = {
  brokenConnection: (_said: Answer, response: ServerResponse) => void response.destroy(),
  silence: () => undefined,
  endless: pour,
  slowDrip: drip,
};

export function distort(how: AnswerLie, said: Answer, response: ServerResponse): void {
  if (isWritten(how)) WRITERS[how](said, response);
  else send(CHANGES[how](said), response);
}

function isWritten(how: AnswerLie): how is keyof typeof WRITERS {
  return how in WRITERS;
}

export function send({ status, headers, body }: Answer, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

function pour({ status, headers, body }: Answer, response: ServerResponse): void {
  response.writeHead(status, headers).write(body);
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(16_384, 'a')));
    response.once('drain', more);
  };
  more();
}

function drip({ status, headers, body }: Answer, response: ServerResponse): void {
  response.writeHead(status, headers);
  let at = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(at, at + 1));
    at += 1;
  }, DRIP_MS);
  response.once('close', () => clearInterval(timer));
}
