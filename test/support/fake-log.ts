import { entryBody, requestV2, entryParts } from '../../src/rekor/entry.ts';
import { parseLogEntry, printLogEntry } from '../../src/rekor/log-entry.ts';
import { aborted, type LogRequest, type LogResponse, type LogTransport } from '../../src/rekor/transport.ts';
import { generateKey, makeKeySigner } from '../../src/rekor/key-signer.ts';

/** The ways in which a log, or what stands before it, can lie or fail. */
export const LIES = [
  'wrongEntry',
  'otherLeafWithValidProof',
  'wrongContentType',
  'serverError',
  'rateLimited',
  'silent',
  'endlessAnswer',
  'withheldCheckpoint',
  'garbage',
  'wrongIndexOnConflict',
] as const;

export type Lie = (typeof LIES)[number];

export interface LyingLog {
  readonly transport: LogTransport;
  /** From now on it lies in this way; undefined: it tells the truth. */
  lie(how: Lie | undefined): void;
  /** Every request so far, as `POST /api/v2/log/entries`. */
  readonly requests: readonly string[];
}

/** A log that tells the truth of `honest` until it is told to lie. */
export function makeLyingLog(honest: LogTransport): LyingLog {
  const requests: string[] = [];
  let how: Lie | undefined;
  let oldCheckpoint: LogResponse | undefined;

  const transport: LogTransport = async (request) => {
    requests.push(`${request.method} ${request.path}`);
    if (request.path.endsWith('/checkpoint')) {
      oldCheckpoint ??= await honest(request);
      if (how === 'withheldCheckpoint') return oldCheckpoint;
    }
    return how === undefined ? honest(request) : tell(how, honest, request);
  };

  return {
    transport,
    requests,
    lie(next) {
      how = next;
      oldCheckpoint = undefined;
    },
  };
}

async function tell(how: Lie, honest: LogTransport, request: LogRequest): Promise<LogResponse> {
  switch (how) {
    case 'serverError':
      return { status: 502, headers: {}, body: Buffer.from('<html>Bad Gateway</html>') };
    case 'rateLimited':
      return { status: 429, headers: { 'retry-after': '1' }, body: Buffer.alloc(0) };
    case 'garbage':
      return {
        status: request.method === 'POST' ? 201 : 200,
        headers: {},
        body: Buffer.from('{"logIndex":'),
      };
    case 'silent':
      return new Promise((_, reject) => {
        const stop = () => {
          reject(aborted(request.signal, 'waiting'));
        };
        if (request.signal.aborted) stop();
        else request.signal.addEventListener('abort', stop);
      });
    case 'endlessAnswer':
      return { ...(await honest(request)), body: Buffer.alloc(request.maxBytes + 1, '0') };
    case 'wrongContentType':
      return { ...(await honest(request)), headers: { 'content-type': 'text/html' } };
    case 'withheldCheckpoint':
      return honest(request);
    case 'wrongEntry':
    case 'otherLeafWithValidProof':
    case 'wrongIndexOnConflict':
      return request.method === 'POST' ? lieOnWrite(how, honest, request) : honest(request);
  }
}

async function lieOnWrite(how: Lie, honest: LogTransport, request: LogRequest): Promise<LogResponse> {
  if (how === 'otherLeafWithValidProof') return honest({ ...request, body: await strangersRequest() });
  const answer = await honest(request);
  if (how === 'wrongIndexOnConflict') return { ...answer, status: 409, headers: { 'x-log-index': '0' } };
  const entry = parseLogEntry(JSON.parse(Buffer.from(answer.body).toString('utf8')));
  const other = entryBody('embedded', entryParts(await strangersStatement()));
  const lying = { ...entry, body: Buffer.from(other).toString('base64') };
  return { ...answer, body: Buffer.from(JSON.stringify(printLogEntry(lying))) };
}

async function strangersStatement() {
  const signer = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'stranger' });
  return signer.sign('{"statement":"of a stranger"}', AbortSignal.abort());
}

async function strangersRequest(): Promise<Uint8Array> {
  return Buffer.from(JSON.stringify(requestV2(entryParts(await strangersStatement()))));
}
