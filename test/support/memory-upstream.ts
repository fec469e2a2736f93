import { Readable } from 'node:stream';
import { AppError } from '../../src/errors/app-error.ts';
import type {
  BlobTarget,
  ManifestTarget,
  ReferrersPage,
  ReferrersTarget,
  TagPage,
  TagsTarget,
  Upstream,
  UpstreamBlob,
  UpstreamManifest,
} from '../../src/proxy/upstream-port.ts';
import type { Digest } from '../../src/reference/digest.ts';
import { sha256Digest } from '../../src/reference/parse-digest.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export interface MemoryUpstream extends Upstream {
  /** Every call as `method registry/repository@digest`. */
  readonly calls: string[];
  readonly blobCalls: BlobTarget[];
  readonly listCalls: (TagsTarget | ReferrersTarget)[];
  tagPage: TagPage;
  referrersPage: ReferrersPage;
  putManifest(text: string): Digest;
  putTag(registryAndRepository: string, tag: string, digest: Digest): void;
  /** The answer to the next blob requests. */
  blobAnswer: (target: BlobTarget, signal: AbortSignal) => Promise<UpstreamBlob>;
}

/** A registry in memory that has every manifest in every repository. */
export function makeMemoryUpstream(): MemoryUpstream {
  const manifests = new Map<Digest, Buffer>();
  const tags = new Map<string, Digest>();
  const upstream: MemoryUpstream = {
    calls: [],
    blobCalls: [],
    listCalls: [],
    tagPage: { tags: ['1', '2'] },
    referrersPage: { manifests: [], isFiltered: false },
    putManifest(text) {
      const bytes = Buffer.from(text);
      const digest = sha256Digest(bytes);
      manifests.set(digest, bytes);
      return digest;
    },
    putTag: (name, tag, digest) => void tags.set(`${name}:${tag}`, digest),
    blobAnswer: async () => ({
      kind: 'stream',
      status: 200,
      headers: { 'content-length': '4', 'content-type': 'application/octet-stream' },
      body: Readable.from([Buffer.from('blob')]),
    }),
    manifest: async (target) => manifest('manifest', target),
    headManifest: async (target) => {
      const { bytes, mediaType, digest } = manifest('headManifest', target);
      return { size: bytes.byteLength, mediaType, digest };
    },
    mayPull: async () => undefined,
    resolveTag: async ({ registry, repository, tag }) => {
      upstream.calls.push(`resolveTag ${registry}/${repository}:${tag}`);
      const digest = tags.get(`${registry}/${repository}:${tag}`);
      if (digest === undefined) throw unknown(tag);
      return { digest };
    },
    tags: async (target) => {
      upstream.listCalls.push(target);
      return upstream.tagPage;
    },
    referrers: async (target) => {
      upstream.listCalls.push(target);
      return upstream.referrersPage;
    },
    blob: (target, signal) => {
      upstream.blobCalls.push(target);
      return upstream.blobAnswer(target, signal);
    },
  };
  return upstream;

  function manifest(method: string, { registry, repository, digest }: ManifestTarget): UpstreamManifest {
    upstream.calls.push(`${method} ${registry}/${repository}@${digest}`);
    const bytes = manifests.get(digest);
    if (bytes === undefined) throw unknown(digest);
    return { bytes, mediaType: OCI_MANIFEST, digest };
  }
}

function unknown(what: string): AppError {
  return new AppError({ code: 'MANIFEST_UNKNOWN', message: `cannot find "${what}": the registry has none` });
}
