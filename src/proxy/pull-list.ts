import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { sendText } from '../http/json.ts';
import { sendOciError } from './oci-error.ts';
import { shown, type Exchange } from './pull-manifest.ts';
import type { ParsedUrl, Route } from './route.ts';
import type { PageQuery, ReferrersPage, Upstream } from './upstream-port.ts';

type TagsRoute = Extract<Route, { kind: 'tags' }>;
type ReferrersRoute = Extract<Route, { kind: 'referrers' }>;
type Asked = Pick<ParsedUrl, 'path' | 'query'>;

export interface ListPuller {
  /** Throws what Upstream throws. */
  tags(route: TagsRoute, asked: Asked, exchange: Exchange): Promise<void>;
  /** Throws what Upstream throws. */
  referrers(route: ReferrersRoute, asked: Asked, exchange: Exchange): Promise<void>;
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
/** `n` and `last` are the specification's; the others stand in the links of some registries. */
const PAGE_PARAMETERS: ReadonlySet<string> = new Set(['n', 'last', 'next', 'next_page', 'after']);
const MAX_PAGE = 10_000;
const BAD_COUNT = `n is no number from 0 to ${MAX_PAGE}`;
/** RFC 6838, 4.2, without parameters. */
const MEDIA_TYPE = /^[A-Za-z0-9][\w.+!#$&^-]{0,126}\/[A-Za-z0-9][\w.+!#$&^-]{0,126}$/;

/** `tags/list` and `referrers/` of other registries; links lead back to us. */
export function makeListPuller(upstream: Upstream): ListPuller {
  return {
    async tags({ registry, repository, name }, asked, exchange) {
      const { response, signal } = exchange;
      const page = pageOf(asked.query);
      if (page === undefined) {
        refuse(response, BAD_COUNT);
        return;
      }
      try {
        const { tags, next } = await upstream.tags(
          { registry, repository, page, ...shown(exchange) },
          signal,
        );
        // distribution-spec, "Listing Tags": for n=0 an empty list without a link, whatever the registry makes of it
        if (Number(page['n'] ?? 1) === 0) sendText(response, 200, JSON.stringify({ name, tags: [] }));
        else sendText(response, 200, JSON.stringify({ name, tags }), linkHeaders(asked, next));
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'MANIFEST_UNKNOWN') throw error;
        sendOciError(response, { status: 404, code: 'NAME_UNKNOWN', message: error.message });
      }
    },

    async referrers({ registry, repository, digest }, asked, exchange) {
      const { response, signal } = exchange;
      const artifactType = asked.query.get('artifactType') ?? undefined;
      const page = pageOf(asked.query);
      if (page === undefined) {
        refuse(response, BAD_COUNT);
        return;
      }
      if (artifactType !== undefined && !MEDIA_TYPE.test(artifactType)) {
        refuse(response, `${quote(artifactType)} is no media type; write artifactType like "a/b"`);
        return;
      }
      const filter = artifactType !== undefined && { artifactType };
      const found = await upstream.referrers(
        { registry, repository, digest, page, ...filter, ...shown(exchange) },
        signal,
      );
      const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: filtered(found, artifactType) };
      sendText(response, 200, JSON.stringify(body), {
        'Content-Type': OCI_INDEX,
        ...(filter && { 'OCI-Filters-Applied': 'artifactType' }),
        ...linkHeaders(asked, found.next),
      });
    },
  };
}

function refuse(response: ServerResponse, message: string): void {
  sendOciError(response, { status: 400, code: 'UNSUPPORTED', message });
}

/** Only what says which page is meant; undefined for a number of items that nobody needs. */
function pageOf(query: URLSearchParams): PageQuery | undefined {
  const count = query.get('n');
  if (count !== null && !(/^\d{1,6}$/.test(count) && Number(count) <= MAX_PAGE)) return undefined;
  return Object.fromEntries([...query].filter(([name]) => PAGE_PARAMETERS.has(name)));
}

/** RFC 8288: the next page under the very path that was asked, never an address of the registry. */
function linkHeaders({ path, query }: Asked, next: PageQuery | undefined): OutgoingHttpHeaders {
  if (next === undefined) return {};
  const parameters = new URLSearchParams(next);
  for (const name of ['ns', 'artifactType']) {
    const value = query.get(name);
    if (value !== null) parameters.set(name, value);
  }
  return { Link: `<${path}?${parameters.toString()}>; rel="next"` };
}

function filtered({ manifests, isFiltered }: ReferrersPage, artifactType: string | undefined) {
  if (artifactType === undefined || isFiltered) return manifests;
  return manifests.filter((manifest) => typeOf(manifest) === artifactType);
}

function typeOf(manifest: unknown): unknown {
  return typeof manifest === 'object' && manifest !== null && 'artifactType' in manifest
    ? manifest.artifactType
    : undefined;
}
