import type { ServerResponse } from 'node:http';
import { rendered, statusOf, StatusError } from './answers.ts';
import { apiVersionOf, type FakeKind } from './kinds.ts';
import type { FakeEvent, FakeObjects, Json } from './objects.ts';
import type { Matches } from './selectors.ts';

export interface WatchRequest {
  readonly kind: FakeKind;
  readonly namespace: string;
  readonly matches: Matches;
  readonly from: number;
  readonly bookmarks: boolean;
  readonly metadataOnly: boolean;
}

interface OpenWatch {
  bookmark(): void;
  end(): void;
  break(): void;
}

/** Watches that are open: what is sent down each, and how each ends. */
export function makeWatches(objects: FakeObjects) {
  const open = new Set<OpenWatch>();

  function start(request: WatchRequest, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    // so that the client knows that it watches before anything happens
    response.flushHeaders();
    const send = (type: string, object: Json) => response.write(`${JSON.stringify({ type, object })}\n`);
    const missed = objects.since(request.from);
    if (missed === undefined) {
      const gone = new StatusError(410, 'Expired', `too old resource version: ${request.from}`);
      send('ERROR', statusOf(gone));
      response.end();
      return;
    }
    const tell = (event: FakeEvent) => {
      const type = typeFor(event, request);
      if (type !== undefined) send(type, rendered(request.kind, event.object, request.metadataOnly));
    };
    for (const event of missed) tell(event);
    const stop = objects.listen(tell);
    const watch: OpenWatch = {
      bookmark() {
        const { kind } = request;
        const metadata = { resourceVersion: String(objects.version()), creationTimestamp: null };
        if (request.bookmarks)
          send('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
      },
      end: () => void response.end(),
      break: () => void response.destroy(),
    };
    open.add(watch);
    response.on('close', () => {
      stop();
      open.delete(watch);
    });
  }

  return {
    start,
    count: () => open.size,
    bookmark: () => [...open].forEach((watch) => watch.bookmark()),
    end: () => [...open].forEach((watch) => watch.end()),
    break: () => [...open].forEach((watch) => watch.break()),
  };
}

/** What it is to this watch: an object that leaves its selector is deleted for it. */
function typeFor(event: FakeEvent, { kind, namespace, matches }: WatchRequest): string | undefined {
  const { object, before, type } = event;
  if (event.kind !== kind || (namespace !== '' && object.metadata.namespace !== namespace)) return undefined;
  const was = before !== undefined && matches(before);
  if (type === 'DELETED') return was ? 'DELETED' : undefined;
  if (matches(object)) return was ? 'MODIFIED' : 'ADDED';
  return was ? 'DELETED' : undefined;
}
