import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { answer, notFound, rendered, statusOf, StatusError } from './fake-api/answers.ts';
import { apiVersionOf, FAKE_KINDS, type FakeKind } from './fake-api/kinds.ts';
import { asJson, makeFakeObjects, type FakeObject, type FakeObjects, type Json } from './fake-api/objects.ts';
import { selectorOf } from './fake-api/selectors.ts';
import { makeWatches } from './fake-api/watches.ts';
import { makeWrites, type WriteTarget } from './fake-api/writes.ts';
import { startLoopbackServer } from './loopback-server.ts';

export interface FakeApiServer extends AsyncDisposable {
  readonly url: string;
  readonly objects: FakeObjects;
  readonly watches: ReturnType<typeof makeWatches>;
  /** By its path: `api/v1/secrets`. */
  kindOf(path: string): FakeKind;
  /** Method, path and query of every request so far. */
  readonly seen: string[];
  /** Headers of the last request. */
  headers(): IncomingMessage['headers'];
  /** Answers instead of the server for as long as it is set; falsy lets the request through. */
  trouble: ((request: IncomingMessage) => RequestListener | undefined) | undefined;
  /** Lets go of the lists whose pages are still to come: they are answered with 410. */
  expireLists(): void;
}

interface Target extends WriteTarget {
  readonly query: URLSearchParams;
  readonly metadataOnly: boolean;
}

/** The API of a cluster, as far as Tagseal uses it, without authentication and without schemas. */
export async function startFakeApiServer(): Promise<FakeApiServer> {
  const objects = makeFakeObjects();
  const watches = makeWatches(objects);
  const writes = makeWrites(objects);
  const lists = new Map<string, { readonly rest: readonly FakeObject[]; readonly version: string }>();
  const seen: string[] = [];
  let headers: IncomingMessage['headers'] = {};

  function list(target: Target, response: ServerResponse): void {
    const { kind, namespace, query, metadataOnly } = target;
    const matches = selectorOf(kind, query);
    if (matches === undefined) throw new StatusError(400, 'BadRequest', 'field label not supported');
    if (query.get('watch') === 'true') {
      const from = Number(query.get('resourceVersion'));
      const bookmarks = query.get('allowWatchBookmarks') === 'true';
      watches.start({ kind, namespace, matches, from, bookmarks, metadataOnly }, response);
      return;
    }
    const token = query.get('continue');
    const begun = token === null ? undefined : lists.get(token);
    if (token !== null && begun === undefined)
      throw new StatusError(410, 'Expired', 'The provided continue parameter is too old');
    const rest = begun?.rest ?? objects.list(kind, namespace).filter(matches);
    const version = begun?.version ?? String(objects.version());
    const limit = Number(query.get('limit') ?? 0) || rest.length;
    const next = rest.length > limit ? `next-${lists.size}` : undefined;
    if (next !== undefined) lists.set(next, { rest: rest.slice(limit), version });
    answer(response, 200, {
      kind: metadataOnly ? 'PartialObjectMetadataList' : `${kind.kind}List`,
      apiVersion: metadataOnly ? 'meta.k8s.io/v1' : apiVersionOf(kind),
      metadata: { resourceVersion: version, ...(next !== undefined && { continue: next }) },
      items: rest.slice(0, limit).map((object) => item(kind, object, metadataOnly)),
    });
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = targetOf(request);
    if (target === undefined) {
      answer(response, 404, '404 page not found\n');
      return;
    }
    const { kind, name, metadataOnly } = target;
    if (request.method === 'GET' && name === '') {
      list(target, response);
      return;
    }
    const [code, object] = await outcomeOf(target, request);
    answer(response, code, rendered(kind, object, metadataOnly));
  }

  async function outcomeOf(target: Target, request: IncomingMessage): Promise<[number, FakeObject]> {
    switch (request.method) {
      case 'GET': {
        const found = objects.get(target.kind, target.namespace, target.name);
        if (found === undefined) throw notFound(target.kind, target.name);
        return [200, found];
      }
      case 'POST':
        return [201, writes.create(target, await bodyOf(request))];
      case 'PUT':
        return [200, writes.replace(target, await bodyOf(request))];
      case 'PATCH': {
        const contentType = request.headers['content-type'] ?? '';
        return [200, writes.patch({ ...target, contentType, body: await bodyOf(request) })];
      }
      case 'DELETE':
        return [200, writes.remove(target)];
      default:
        throw new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method');
    }
  }

  const server = await startLoopbackServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    ({ headers } = request);
    const trouble = fake.trouble?.(request);
    if (trouble !== undefined) {
      trouble(request, response);
      return;
    }
    serve(request, response).catch((error: unknown) => {
      const status =
        error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
      answer(response, status.code, statusOf(status));
    });
  });
  const fake: FakeApiServer = {
    url: server.url,
    objects,
    watches,
    seen,
    headers: () => headers,
    kindOf(path) {
      const kind = FAKE_KINDS.find((each) => each.path === path);
      if (kind === undefined) throw new Error(`the fake has no ${path}`);
      return kind;
    },
    trouble: undefined,
    expireLists: () => lists.clear(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return fake;
}

/** Items of custom kinds say what they are; those of built-in kinds leave it to the list. */
function item(kind: FakeKind, object: FakeObject, metadataOnly: boolean): Json {
  if (metadataOnly || kind.custom) return rendered(kind, object, metadataOnly);
  const { kind: _kind, apiVersion: _version, ...rest } = object;
  return rest;
}

function targetOf({ url = '', headers }: IncomingMessage): Target | undefined {
  const { pathname, searchParams: query } = new URL(url, 'http://fake');
  const [, group = '', namespace = '', plural = '', name = '', subresource = ''] =
    /^\/(api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      pathname,
    ) ?? [];
  const kind = FAKE_KINDS.find(({ path }) => path === `${group}/${plural}`);
  if (kind === undefined) return undefined;
  const metadataOnly = headers.accept?.includes('as=PartialObjectMetadata') === true;
  return { kind, namespace, name: decodeURIComponent(name), subresource, query, metadataOnly };
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  return asJson(JSON.parse(await text(request)));
}
