import { makeRekorV1Client } from '../../../src/rekor/v1-client.ts';
import { makeRekorV1Reader } from '../../../src/rekor/v1-reader.ts';
import { makeRekorV2Client } from '../../../src/rekor/v2-client.ts';
import { makeUndiciTransport } from '../../../src/rekor/undici-transport.ts';
import { startLyingLog } from '../../support/lying-log.ts';
import { logContract } from './suite.ts';

logContract('the lying log, as long as it tells the truth, of version 2,', async () => {
  const log = await startLyingLog({ kind: 'rekor-v2' });
  const { url, trust, dispatcher } = log;
  const write = makeUndiciTransport({ baseUrl: url, dispatcher });
  const read = { transport: write, prefix: '/api/v2' };
  return {
    trust,
    client: makeRekorV2Client({ url, trust, write, read }),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
});

logContract('the lying log, as long as it tells the truth, of version 1,', async () => {
  const log = await startLyingLog({ kind: 'rekor-v1' });
  const { url, trust, dispatcher } = log;
  const place = { url, trust, transport: makeUndiciTransport({ baseUrl: url, dispatcher }) };
  return {
    trust,
    client: { ...makeRekorV1Client(place), ...makeRekorV1Reader(place) },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
});
