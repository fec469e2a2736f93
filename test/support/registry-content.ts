import { randomUUID } from 'node:crypto';
import { sha256 } from './oci-content.ts';

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** What a registry holds, in memory. Keys are `repository@digest` and `repository:tag`. */
export interface RegistryContent {
  putBlob(repository: string, digest: string, bytes: Buffer): boolean;
  blob(repository: string, digest: string): Buffer | undefined;
  openUpload(): string;
  isOpen(upload: string): boolean;
  closeUpload(upload: string): void;
  /** Undefined when `reference` is a digest that the bytes do not have. */
  putManifest(
    repository: string,
    reference: string,
    mediaType: string,
    bytes: Buffer,
  ): StoredManifest | undefined;
  /** By tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined;
  tags(repository: string): readonly string[];
  /** Points the tag to a manifest that is there. */
  moveTag(repository: string, tag: string, digest: string): void;
}

export function makeRegistryContent(): RegistryContent {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, StoredManifest>();
  const tags = new Map<string, string>();
  const uploads = new Set<string>();

  function find(repository: string, reference: string): StoredManifest | undefined {
    const digest = reference.includes(':') ? reference : tags.get(`${repository}:${reference}`);
    return digest === undefined ? undefined : manifests.get(`${repository}@${digest}`);
  }

  return {
    putBlob(repository, digest, bytes) {
      if (sha256(bytes) !== digest) return false;
      blobs.set(`${repository}@${digest}`, bytes);
      return true;
    },
    blob: (repository, digest) => blobs.get(`${repository}@${digest}`),
    openUpload() {
      const upload = randomUUID();
      uploads.add(upload);
      return upload;
    },
    isOpen: (upload) => uploads.has(upload),
    closeUpload: (upload) => void uploads.delete(upload),
    putManifest(repository, reference, mediaType, bytes) {
      const stored = { mediaType, bytes, digest: sha256(bytes) };
      if (reference.includes(':') && reference !== stored.digest) return undefined;
      manifests.set(`${repository}@${stored.digest}`, stored);
      if (!reference.includes(':')) tags.set(`${repository}:${reference}`, stored.digest);
      return stored;
    },
    manifest: find,
    tags: (repository) =>
      [...tags.keys()]
        .filter((key) => key.startsWith(`${repository}:`))
        .map((key) => key.slice(repository.length + 1))
        .sort(),
    moveTag(repository, tag, digest) {
      if (!manifests.has(`${repository}@${digest}`)) throw new Error(`no manifest ${digest}`);
      tags.set(`${repository}:${tag}`, digest);
    },
  };
}
