// The ceiling: the least that a webhook in Node can do. Reads the body, parses it, looks three tags up, answers a patch.
// Knows nothing of policies, records, other kinds of objects, hostile input or time limits, and tells nobody what it did.
// Arguments: a file with certificate and key (JSON), registry, number of tags.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { knownImages } from './known-images.ts';

interface PodReview {
  readonly request: {
    readonly uid: string;
    readonly object: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

const [pairFile = '', registry = '', count = ''] = process.argv.slice(2);
const pair = JSON.parse(readFileSync(pairFile, 'utf8')) as { readonly cert: string; readonly key: string };
const known = new Map(knownImages(registry, Number(count)).map(({ text, digest }) => [text, digest]));

function answer(body: Buffer): string {
  const { request } = JSON.parse(body.toString('utf8')) as PodReview;
  const patch: object[] = [];
  request.object.spec.containers.forEach(({ image }, i) => {
    const digest = known.get(image);
    if (digest === undefined) return;
    const path = `/spec/containers/${i}/image`;
    patch.push({ op: 'test', path, value: image }, { op: 'replace', path, value: `${image}@${digest}` });
  });
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: request.uid,
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    },
  });
}

const server = createServer({ ...pair, keepAliveTimeout: 120_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = answer(Buffer.concat(chunks));
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on ${typeof address === 'object' && address !== null ? address.port : 0}`);
});
