import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pLimit from 'p-limit';
import { makeNaming } from '../../../src/protocol/naming.ts';
import { isTagReference, parseReference } from '../../../src/reference/parse-reference.ts';
import { entryParts, requestV1 } from '../../../src/rekor/entry.ts';
import { bigCertificate } from '../../support/big-certificate.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { runTagseal, writeConfig } from '../../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startRekorV1, type StartedRekorV1 } from '../stack/rekor-v1.ts';

const FOREIGN = 260;
const AT_ONCE = 16;
/** More than an answer for ten entries may have. */
const BIG_BYTES = 2_000_000;

let folder: TempFolder;
let registry: FakeRegistry;
let rekor: StartedRekorV1;
let image: string;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  rekor = await startRekorV1(join(folder.path, 'rekor'));
  image = `${registry.host}/e2e/crowded:1`;
  await pushImage({ registryUrl: registry.url, repository: 'e2e/crowded', tag: '1', text: 'first' });
});

afterAll(async () => {
  await rekor[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]) => runTagseal(folder.path, args, { timeoutMs: 60_000 });

/** The claim on the tag, which anybody can guess. */
function claimOf(generation: number): string {
  const reference = parseReference(image);
  if (!isTagReference(reference)) throw new Error(`${image} has no tag`);
  const naming = makeNaming({ scope: 'default', privacy: 'plain', blindingKey: Buffer.alloc(32) });
  return naming.claim(reference, 'plain', generation);
}

async function logged(statement: string, privateKey: KeyObject, verifier: Verifier): Promise<void> {
  const signature = sign('sha256', Buffer.from(statement), privateKey).toString('base64');
  const answer = await fetch(`${rekor.url}/api/v1/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(requestV1(entryParts({ statement, signature, verifier }))),
  });
  await answer.text();
  expect(answer.status).toBe(201);
}

type Verifier = Parameters<typeof entryParts>[0]['verifier'];

async function indexed(statement: string): Promise<readonly string[]> {
  const hash = createHash('sha256').update(statement).digest('hex');
  const answer = await fetch(`${rekor.url}/api/v1/index/retrieve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ hash: `sha256:${hash}` }),
  });
  return (await answer.json()) as readonly string[];
}

describe('a plain tag whose claim strangers have logged, on a real Rekor v1', () => {
  beforeAll(async () => {
    const limit = pLimit(AT_ONCE);
    const statement = claimOf(0);
    const strangers = Array.from({ length: FOREIGN }, () =>
      limit(async () => {
        const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        await logged(statement, privateKey, {
          kind: 'publicKey',
          spki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        });
      }),
    );
    await Promise.all(strangers);
    const { privateKey, der } = await bigCertificate(BIG_BYTES);
    await logged(statement, privateKey, { kind: 'certificate', der });
    const { url, origin, publicKeyFile } = rekor;
    const retired = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    await writeFile(join(folder.path, 'retired.pub'), retired.export({ type: 'spki', format: 'pem' }));
    await writeConfig({
      folder: folder.path,
      registries: [registry.host],
      config: [
        `log: ${JSON.stringify({ kind: 'rekor-v1', url, origin, publicKeyFile })}`,
        // whoever accepts a second signer has to search the index
        `signer: {acceptedKeyFiles: ["${join(folder.path, 'retired.pub')}"]}`,
        'privacy: plain',
      ],
    });
  });

  it('is recorded, beside them', async () => {
    expect((await indexed(claimOf(0))).length).toBe(FOREIGN + 1);
    const recorded = await run('record', image);
    expect({ code: recorded.code, stderr: recorded.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await indexed(claimOf(0))).length).toBe(FOREIGN + 2);
  });

  it('is restored from the log alone, and never recorded with another digest', async () => {
    const records = join(folder.path, 'data', 'records');
    const before = (await run('history', image, '-o', 'json')).stdout;
    await rm(records, { recursive: true, force: true });
    const moved = await pushImage({
      registryUrl: registry.url,
      repository: 'e2e/crowded',
      tag: '1',
      text: 'second',
    });
    const lost = await run('record', image);
    expect({ code: lost.code, stderr: lost.stderr }).toMatchObject({ code: 4 });
    await rm(records, { recursive: true, force: true });
    const first = /sha256:[0-9a-f]{64}/.exec(before)?.[0] ?? '';
    expect(first).not.toBe(moved.digest);
    const restored = await run('restore', `${image}@${first}`);
    expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await indexed(claimOf(0))).length).toBe(FOREIGN + 2);
  });
});
