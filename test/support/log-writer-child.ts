// Writes to an embedded log until it is killed; tells each acknowledged write on a line of its own.
import { openEmbeddedLog } from '../../src/rekor/embedded/embedded-log.ts';
import { clientOf, SILENT } from './test-log.ts';
import { makeTestSigner, NEVER } from './test-signer.ts';

const PARALLEL = 8;
const [, , dir = '', round = ''] = process.argv;
const log = await openEmbeddedLog({ dir, logger: SILENT });
const client = clientOf(log.trust, log.transport);
const signer = makeTestSigner();

async function writeForEver(lane: number): Promise<void> {
  for (let i = 0; ; i += 1) {
    const text = `round ${round} lane ${lane} write ${i}`;
    const { outcome } = await client.submit(await signer.sign(text, NEVER), NEVER);
    process.stdout.write(`${outcome} ${text}\n`);
  }
}

process.stdout.write('ready\n');
await Promise.all(Array.from({ length: PARALLEL }, (_, lane) => writeForEver(lane)));
