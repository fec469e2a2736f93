import { request } from 'undici';
import { makeImageContent } from './oci-content.ts';
import type { Content, ImageOptions } from './oci-content.ts';

export interface PushOptions extends ImageOptions {
  /** For example `http://127.0.0.1:5000`. */
  readonly registryUrl: string;
  readonly repository: string;
  readonly tag: string;
}

export interface PushedImage {
  /** Of the index. */
  readonly digest: string;
  readonly manifestDigests: readonly string[];
  readonly blobDigests: readonly string[];
}

/** Pushes a valid multi-platform OCI image by the distribution API, to a real registry as to the fake one. */
export async function pushImage(options: PushOptions): Promise<PushedImage> {
  const { index, manifests, blobs } = makeImageContent(options);
  const base = `${options.registryUrl}/v2/${options.repository}`;
  for (const blob of blobs) await pushBlob(base, blob);
  for (const manifest of manifests) await putManifest(base, manifest.digest, manifest);
  await putManifest(base, options.tag, index);
  return {
    digest: index.digest,
    manifestDigests: manifests.map(({ digest }) => digest),
    blobDigests: blobs.map(({ digest }) => digest),
  };
}

/** A POST that opens the upload, and one PUT with the bytes. */
async function pushBlob(base: string, blob: Content): Promise<void> {
  const opened = await request(`${base}/blobs/uploads/`, { method: 'POST' });
  await opened.body.dump();
  const location = opened.headers['location'];
  if (opened.statusCode !== 202 || typeof location !== 'string') {
    throw new Error(`upload of ${blob.digest} was not opened: status ${opened.statusCode}`);
  }
  const url = new URL(location, base);
  url.searchParams.set('digest', blob.digest);
  await put(url, 'application/octet-stream', blob.bytes);
}

async function putManifest(base: string, reference: string, manifest: Content): Promise<void> {
  await put(new URL(`${base}/manifests/${reference}`), manifest.mediaType, manifest.bytes);
}

async function put(url: URL, contentType: string, bytes: Buffer): Promise<void> {
  const answer = await request(url, { method: 'PUT', headers: { 'content-type': contentType }, body: bytes });
  const text = await answer.body.text();
  if (answer.statusCode !== 201) throw new Error(`PUT ${url.pathname}: status ${answer.statusCode} ${text}`);
}
