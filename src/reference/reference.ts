import type { Digest } from './digest.ts';

/** A parsed image text; registry and repository are canonical (lower-case host, Docker Hub folded, `library/` added). */
export interface Reference {
  /** The text exactly as the user wrote it. */
  readonly text: string;
  /** `host` or `host:port`, default port dropped, IPv6 in brackets. Docker Hub is `docker.io`. */
  readonly registry: string;
  /** The path within the registry, for example `library/alpine`. */
  readonly repository: string;
  /** The tag, `latest` when the text has neither tag nor digest; absent for a digest-only reference. */
  readonly tag?: string;
  /** The digest that the text carries, which is a claim to check and never a fact. */
  readonly digest?: Digest;
}

/** A reference that names a tag: the only kind that can be recorded. */
export interface TagReference extends Reference {
  readonly tag: string;
  /** `registry/repository:tag`: the key of every record. */
  readonly canonical: string;
}
