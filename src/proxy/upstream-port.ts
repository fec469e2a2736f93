import type { Readable } from 'node:stream';
import type { Digest } from '../reference/digest.ts';

/** What a client shows the registry itself; `source` is for messages. */
export type ClientCredential =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly source: string };

export interface UpstreamRepository {
  /** Canonical: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Canonical: `library/alpine`. */
  readonly repository: string;
  /** Shown instead of our own. */
  readonly credential?: ClientCredential;
}

export interface ManifestTarget extends UpstreamRepository {
  readonly digest: Digest;
}

export interface TagTarget extends UpstreamRepository {
  readonly tag: string;
}

/** Parameters of a page of a list, which mean something to the registry that gave them. */
export type PageQuery = Readonly<Record<string, string>>;

export interface TagsTarget extends UpstreamRepository {
  readonly page: PageQuery;
}

export interface TagPage {
  readonly tags: readonly string[];
  /** Absent: the last page. */
  readonly next?: PageQuery;
}

export interface ReferrersTarget extends ManifestTarget {
  readonly page: PageQuery;
  readonly artifactType?: string;
}

export interface ReferrersPage {
  /** Descriptors as the registry wrote them. */
  readonly manifests: readonly unknown[];
  /** Whether the registry has left out what is not of the artifact type. */
  readonly isFiltered: boolean;
  readonly next?: PageQuery;
}

export interface BlobTarget extends UpstreamRepository {
  readonly digest: Digest;
  readonly method: 'GET' | 'HEAD';
  readonly headers: { readonly range?: string; readonly 'if-range'?: string };
}

export interface UpstreamManifest {
  /** At most 4 MiB; their digest is the one asked for. */
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
}

export interface UpstreamManifestHead {
  readonly size: number;
  readonly mediaType: string;
  readonly digest: Digest;
}

export type UpstreamBlob =
  /** Where the client itself shall fetch it: an http(s) URL that was checked not to point inwards. */
  | { readonly kind: 'redirect'; readonly location: string }
  | {
      readonly kind: 'stream';
      readonly status: 200 | 206 | 416;
      /** Lower-case names; the proxy passes on the ones on its allow list. */
      readonly headers: Readonly<Record<string, string>>;
      /** The proxy's: destroyed when the client goes away, and the memory of its pieces is given back. */
      readonly body: Readable;
    };

/**
 * The registry behind the proxy. Redirects of manifests are followed inside. Every method throws REGISTRY_*,
 * MANIFEST_UNKNOWN, BLOB_UNKNOWN, DIGEST_MISMATCH, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED.
 */
export interface Upstream {
  /** The manifest, hashed and equal to the digest asked for. */
  manifest(target: ManifestTarget, signal: AbortSignal): Promise<UpstreamManifest>;
  /** Resolves when the registry shows the manifest, by tag or digest, to this credential; asks it in any case. */
  mayPull(target: UpstreamRepository & { readonly reference: string }, signal: AbortSignal): Promise<void>;
  headManifest(target: ManifestTarget, signal: AbortSignal): Promise<UpstreamManifestHead>;
  /** What a tag means now, for tags that no rule freezes. */
  resolveTag(target: TagTarget, signal: AbortSignal): Promise<{ readonly digest: Digest }>;
  blob(target: BlobTarget, signal: AbortSignal): Promise<UpstreamBlob>;
  tags(target: TagsTarget, signal: AbortSignal): Promise<TagPage>;
  /** Empty where the registry has neither the referrers API nor its fallback tag. */
  referrers(target: ReferrersTarget, signal: AbortSignal): Promise<ReferrersPage>;
}
