import { quote } from '../errors/quote.ts';
import { describe, pathOf, selectors } from './address.ts';
import type { KubeApi, ListOptions, WatchEvent } from './api.ts';
import { rejected, shaped, type CallParts } from './call.ts';
import { explain, readAtMost, send } from './exchange.ts';
import { parseJson } from './json.ts';
import { unavailable } from './kube-error.ts';
import { readLines } from './read-lines.ts';
import { parseStatus, parseWatchEvent } from './parse-object.ts';

/** The server ends a watch after 4 to 8 minutes, so that not all end at once. */
const SHORTEST_SECONDS = 240;
const SPREAD_SECONDS = 240;
/** The server sends a bookmark each minute: what is silent for longer is a dead connection. */
const IDLE_MS = 150_000;
const GRACE_MS = 30_000;
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const MAX_STATUS_BYTES = 1024 * 1024;
const GONE = 410;

interface WatchParts extends CallParts {
  readonly acceptOf: (options: ListOptions, kind: string) => string;
}

/** Watches with bookmarks, one JSON object a line. Throws KUBERNETES_UNAVAILABLE, KUBERNETES_REFUSED, DEADLINE_EXCEEDED. */
export function makeWatch({ connection, random, acceptOf }: WatchParts): KubeApi['watch'] {
  return async function* watch(resource, options, signal) {
    const doing = `watch ${describe(resource)}`;
    const onServer = `${doing} at ${quote(connection.server)}`;
    const seconds = SHORTEST_SECONDS + Math.floor(random() * SPREAD_SECONDS);
    const limit = AbortSignal.timeout(seconds * 1_000 + GRACE_MS);
    const call = {
      method: 'GET',
      path: pathOf(resource),
      query: {
        ...selectors(options),
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(seconds),
      },
      accept: acceptOf(options, 'PartialObjectMetadata'),
      doing,
    } as const;
    try {
      const either = AbortSignal.any([signal, limit]);
      const answer = await send(connection, call, { signal: either, idleMs: IDLE_MS });
      if (answer.status !== 200) {
        const status = parseStatus(parseJson(await readAtMost(answer.body, MAX_STATUS_BYTES)));
        if (answer.status === 401) connection.renew();
        if (answer.status === GONE) return 'expired';
        throw failed(onServer, answer.status, status, answer.retryAfter);
      }
      for await (const line of readLines(answer.body, MAX_LINE_BYTES)) {
        const event = shaped(onServer, () => parseWatchEvent(parseJson(line)));
        if ('type' in event) yield event satisfies WatchEvent;
        else if (event.code === GONE) return 'expired';
        else throw failed(onServer, event.code ?? 500, event, undefined);
      }
      return 'ended';
    } catch (cause) {
      throw explain(cause, call, { server: connection.server, asker: signal, limit });
    }
  };
}

function failed(
  doing: string,
  code: number,
  status: ReturnType<typeof parseStatus>,
  after: number | undefined,
): Error {
  if (code < 500 && code !== 429) return rejected(doing, { ok: false, code, status });
  const said = quote(status.message === '' ? String(code) : status.message);
  return unavailable(doing, `the server said ${said} (${code}); try again`, { after });
}
