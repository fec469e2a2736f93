// Two small programs for Jobs of the chart, run by the node of Tagseal's own image; they need no config and no log.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const ACCOUNT = process.env.SERVICE_ACCOUNT_FOLDER ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const [host, port] = [process.env.KUBERNETES_SERVICE_HOST, process.env.KUBERNETES_SERVICE_PORT];

/** One call of the API server as this Pod's service account: {status, body}. */
export function call(method, path, body) {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    Authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}`,
    Accept: 'application/json',
    ...(content !== undefined && { 'Content-Type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { host, port, path, method, headers, ca: readFileSync(`${ACCOUNT}/ca.crt`), timeout: 30_000 },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, body: parse(Buffer.concat(chunks)) }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 30 s`)));
    sent.on('error', reject);
    sent.end(content);
  });
}

function parse(bytes) {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return { message: bytes.toString().slice(0, 500) };
  }
}
