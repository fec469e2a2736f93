import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { OCI_INDEX } from '../reference/media-type.ts';
import type { AuthorizedAnswer } from './authorized-send.ts';
import type { ManifestClient } from './client.ts';
import type { Credential } from './credential.ts';
import type { Follow } from './follow.ts';
import type { Limits } from './limits.ts';
import { nextPage } from './link.ts';
import type { PageQuery } from './link.ts';
import { manifestsIn, tagsIn } from './listing.ts';
import type { DigestTarget } from './manifest-cache.ts';
import { requireIdentity } from './manifest.ts';
import { readBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';
import { discard } from './send.ts';
import { withTimeLimit } from './time-limit.ts';

export interface ListTarget {
  readonly registry: string;
  readonly repository: string;
  readonly credential?: Credential;
  readonly page: PageQuery;
}

export interface TagPage {
  readonly tags: readonly string[];
  /** Absent: the last page. */
  readonly next?: PageQuery;
}

export interface ReferrersTarget extends DigestTarget, ListTarget {
  readonly artifactType?: string;
}

export interface ReferrersPage {
  /** Descriptors as the registry wrote them. */
  readonly manifests: readonly unknown[];
  /** Whether the registry has left out what is not of the artifact type. */
  readonly isFiltered: boolean;
  readonly next?: PageQuery;
}

/** Lists of a repository. Throws REGISTRY_*, MANIFEST_UNKNOWN, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED. */
export interface ListingClient {
  tags(target: ListTarget, signal: AbortSignal): Promise<TagPage>;
  /**
   * Of a registry without the referrers API: what its fallback tag holds, or nothing (distribution-spec, "Referrers Tag
   * Schema").
   */
  referrers(target: ReferrersTarget, signal: AbortSignal): Promise<ReferrersPage>;
}

export interface ListingClientOptions {
  readonly follow: Follow;
  readonly client: ManifestClient;
  readonly limits: Limits;
}

interface Listing {
  readonly answered: AuthorizedAnswer;
  readonly body: Uint8Array;
  readonly next: PageQuery | 'elsewhere' | undefined;
}

/** Answers of registries that do not know the referrers API. */
const NO_REFERRERS: ReadonlySet<number> = new Set([404, 405, 501]);

export function makeListingClient({ follow, client, limits }: ListingClientOptions): ListingClient {
  interface Wish {
    readonly target: ListTarget;
    readonly resource: string;
    readonly query: Readonly<Record<string, string>>;
    readonly accept: string;
    readonly aim: string;
  }

  function get({ target, resource, query, accept, aim }: Wish, signal: AbortSignal) {
    const text = new URLSearchParams(query).toString();
    return follow.toDocument({
      target,
      resource: text === '' ? resource : `${resource}?${text}`,
      method: 'GET',
      headers: { accept, 'accept-encoding': 'identity' },
      aim,
      signal,
    });
  }

  async function read(
    answered: AuthorizedAnswer,
    { target, aim }: Wish,
    signal: AbortSignal,
  ): Promise<Listing> {
    const { answer } = answered;
    if (answer.status !== 200) {
      await discard(answer);
      throw refusalOf(answered, { registry: target.registry, aim, unknown: 'MANIFEST_UNKNOWN' });
    }
    requireIdentity(answer, aim);
    return {
      answered,
      body: await readBody(answer, { limit: limits.manifestBytes, aim, signal }),
      next: nextPage(answer.headers('link'), answer.url),
    };
  }

  async function fallback(target: ReferrersTarget, signal: AbortSignal): Promise<ReferrersPage> {
    const { registry, repository, digest, credential } = target;
    const reference = digest.replace(':', '-');
    try {
      const tag = { registry, repository, reference, ...(credential && { credential }) };
      const { bytes, mediaType } = await client.get(tag, signal);
      if (mediaType !== OCI_INDEX) return { manifests: [], isFiltered: false };
      const aim = `cannot read tag ${quote(reference)} of ${quote(`${registry}/${repository}`)}`;
      return { manifests: manifestsIn(bytes, registry, aim), isFiltered: false };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'MANIFEST_UNKNOWN') throw error;
      return { manifests: [], isFiltered: false };
    }
  }

  return {
    tags(target, signal) {
      const aim = `cannot list the tags of ${quote(`${target.registry}/${target.repository}`)}`;
      const wish = { target, resource: 'tags/list', query: target.page, accept: 'application/json', aim };
      return withTimeLimit(limits.manifestTotal, aim, signal, async (limited) => {
        const { answered, body, next } = await read(await get(wish, limited), wish, limited);
        const tags = tagsIn(body, answered.answer.url.host, aim);
        const following = next === 'elsewhere' ? behind(target.page, tags) : next;
        return { tags, ...(following && { next: following }) };
      });
    },

    referrers(target, signal) {
      const { registry, repository, digest, artifactType, page } = target;
      const aim = `cannot list the referrers of ${quote(`${registry}/${repository}@${digest}`)}`;
      const query = { ...(artifactType !== undefined && { artifactType }), ...page };
      const wish = { target, resource: `referrers/${digest}`, query, accept: OCI_INDEX, aim };
      return withTimeLimit(limits.manifestTotal, aim, signal, async (limited) => {
        const answered = await get(wish, limited);
        if (NO_REFERRERS.has(answered.answer.status)) {
          await discard(answered.answer);
          return await fallback(target, limited);
        }
        const { body, next } = await read(answered, wish, limited);
        const { answer } = answered;
        if (next === 'elsewhere') throw endsEarly(answer.url.host, aim);
        const filters = answer.headers('oci-filters-applied').flatMap((header) => header.split(','));
        return {
          manifests: manifestsIn(body, answer.url.host, aim),
          isFiltered: filters.some((filter) => filter.trim() === 'artifactType'),
          ...(next && { next }),
        };
      });
    },
  };
}

/** Tags go on behind the last one, wherever the registry's own link leads (distribution-spec, "Listing Tags"). */
function behind({ n }: PageQuery, tags: readonly string[]): PageQuery | undefined {
  const last = tags.at(-1);
  return last === undefined ? undefined : { ...(n !== undefined && { n }), last };
}

/** Half a list of signatures may be worse than none. */
function endsEarly(host: string, aim: string): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: the link of ${quote(host)} to the next page leads elsewhere; ask the registry itself`,
  });
}
