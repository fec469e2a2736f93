import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { CheckImage } from '../check/verdict.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { makeApp } from '../http/app.ts';
import { sendJson } from '../http/json.ts';
import { readBody } from '../http/read-body.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ClientLogin } from './client-login.ts';
import { makeGate } from './gate.ts';
import type { GateOptions } from './gate.ts';
import { sendOciError } from './oci-error.ts';
import { makePullBlob } from './pull-blob.ts';
import type { Pace } from './pull-blob.ts';
import { makeListPuller } from './pull-list.ts';
import { makeManifestPuller } from './pull-manifest.ts';
import type { Exchange } from './pull-manifest.ts';
import { failure } from './refusal.ts';
import { makeProxyReporter } from './report.ts';
import { parseUrl } from './route.ts';
import type { ParsedUrl } from './route.ts';
import type { Upstream } from './upstream-port.ts';
import { makeVirtualHosts } from './virtual-hosts.ts';

export interface ProxyOptions extends GateOptions {
  readonly checkImage: CheckImage;
  readonly upstream: Upstream;
  /** Whether `registries.allow` names the canonical registry. */
  readonly isAllowed: (registry: string) => boolean;
  /** `host[:port]` of a request, as in its Host header -> the one canonical registry that is served there. */
  readonly virtualHosts: ReadonlyMap<string, string>;
  readonly denyCode: 'DENIED' | 'TAG_INVALID';
  /** Absent: registries are shown our own credentials, and clients need none. */
  readonly login?: ClientLogin;
  /** For a manifest, until its answer begins; a blob may stream on. Milliseconds. */
  readonly timeoutMs: number;
  readonly maxStreams: number;
  /** How long a blob waits for a place among them. Milliseconds. */
  readonly patienceMs?: number;
  /** The least that a stream must move. */
  readonly pace?: Pace;
  /** Whether blobs that are streamed whole must have their digest. */
  readonly verifyBlobs: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Names a request in the log and in the text of an internal error. */
  readonly newRequestId: () => string;
}

/** A manifest that somebody tries to push has some kB; more is not read. */
const MAX_IGNORED_BODY_BYTES = 65_536;

/** The pull side of the OCI distribution-spec over other registries. GET and HEAD only; every error is OCI JSON. */
export function makeProxyRouter(options: ProxyOptions): RequestListener {
  const { isAllowed, logger, timeoutMs, newRequestId, login } = options;
  const gate = makeGate(options);
  const manifests = makeManifestPuller({ ...options, newTags: gate.newTags });
  const pullBlob = makePullBlob(options);
  const lists = makeListPuller(options.upstream);
  const reporter = makeProxyReporter(options);
  const registryOfHost = makeVirtualHosts(options.virtualHosts);

  const app = makeApp();
  // the raw URL is parsed by our own strict grammar: express decodes, and `%2f` must stay refused
  app.use(async (request, response) => handle(request, response));
  return app;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = newRequestId();
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    const parsed = parseUrl(request.url ?? '', registryOfHost(request.headers.host));
    const onVerdict = reporter.begin(id, parsed.route, { request, response });
    const lifetime = makeLifetime(response, timeoutMs);
    try {
      const client = await gate.enter(request, response);
      if (client === undefined || (await refuseRequest(request, response))) return;
      if (!gate.mayAsk(client, parsed.route, response)) return;
      const credential = logIn(parsed, request, response);
      if (credential === 'answered') return;
      const { signal } = lifetime;
      await dispatch(parsed, { request, response, client, signal, onVerdict, ...credential });
    } catch (caught) {
      const error = toAppError(caught);
      if (mustLogIn(parsed, error) && !response.headersSent) {
        login?.challenge(parsed, response, error.message);
      } else fail(id, error, response);
    } finally {
      lifetime.end();
    }
  }

  /** For upstreams of clients with credentials of their own: what to show. */
  function logIn(
    parsed: ParsedUrl,
    request: IncomingMessage,
    response: ServerResponse,
  ): 'answered' | Pick<Exchange, 'credential'> {
    const { route } = parsed;
    if (login === undefined) return {};
    if (route.kind === 'token') {
      login.sendToken(request, parsed, response);
      return 'answered';
    }
    if (route.kind === 'ping') {
      if (login.hasToken(request)) return {};
      login.challenge(parsed, response);
      return 'answered';
    }
    if (!('registry' in route) || !login.isForClients(route.registry)) return {};
    const credential = login.credentialFor(request, route);
    if (credential !== undefined) return { credential };
    login.challenge(parsed, response);
    return 'answered';
  }

  function mustLogIn({ route }: ParsedUrl, { code }: AppError): boolean {
    return (
      code === 'REGISTRY_UNAUTHORIZED' && 'registry' in route && login?.isForClients(route.registry) === true
    );
  }

  function fail(id: string, error: AppError, response: ServerResponse): void {
    if (response.headersSent || response.destroyed) {
      // the reporter counts it as cut; a client that went away is nobody's fault
      logger[error.code === 'DIGEST_MISMATCH' ? 'warn' : 'debug']('pull.cut', { id, error });
      response.destroy();
      return;
    }
    if (error.code === 'INTERNAL') logger.error('pull.failed', { id, error }, 'a pull failed');
    sendOciError(response, failure(error, id));
  }

  async function dispatch(parsed: ParsedUrl, exchange: Exchange): Promise<void> {
    const { route, hasReason } = parsed;
    const { request, response } = exchange;
    switch (route.kind) {
      case 'ping':
        sendJson(response, 200, {});
        return;
      case 'invalid':
        sendOciError(response, { status: 400, code: route.code, message: route.message });
        return;
      case 'token':
      case 'unknown':
        sendNothing(request, response);
        return;
      case 'manifest-tag':
        checkAllowed(route.registry);
        return manifests.byTag(route, exchange, hasReason);
      case 'manifest-digest':
        checkAllowed(route.registry);
        return manifests.byDigest(route, exchange);
      case 'blob':
        checkAllowed(route.registry);
        return pullBlob(route, exchange);
      case 'tags':
        checkAllowed(route.registry);
        return lists.tags(route, parsed, exchange);
      case 'referrers':
        checkAllowed(route.registry);
        return lists.referrers(route, parsed, exchange);
    }
  }

  function checkAllowed(registry: string): void {
    if (isAllowed(registry)) return;
    throw new AppError({
      code: 'REGISTRY_NOT_ALLOWED',
      message: `cannot pull from ${quote(registry)}: it is not among registries.allow; add it there, or pull from the registry itself`,
    });
  }
}

function sendNothing({ url }: IncomingMessage, response: ServerResponse): void {
  sendOciError(response, {
    status: 404,
    code: 'UNSUPPORTED',
    message: `nothing is served at ${quote(url ?? '')}; this proxy serves what is below /v2/<name>/`,
  });
}

/** Writes and bodies. True when it answered. */
async function refuseRequest(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    // containerd 1.6 waits for ever for the end of a small body that nobody reads
    await readBody(request, MAX_IGNORED_BODY_BYTES);
    sendOciError(response, {
      status: 405,
      code: 'UNSUPPORTED',
      message: 'this proxy is for pulling only; push to the registry itself',
      headers: { Allow: 'GET, HEAD', Connection: 'close' },
    });
    return true;
  }
  const message = flawOf(request);
  if (message === undefined) return false;
  sendOciError(response, { status: 400, code: 'UNSUPPORTED', message, headers: { Connection: 'close' } });
  return true;
}

function flawOf({ headers, headersDistinct }: IncomingMessage): string | undefined {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  if (length !== '0' || encoding !== undefined) return 'a pull has no body; send the request without one';
  // RFC 9112, 3.2: who stands in front may have read the other one
  if ((headersDistinct['host']?.length ?? 0) > 1) return 'the request names two hosts; send one Host header';
  return undefined;
}

interface Lifetime {
  readonly signal: AbortSignal;
  end(): void;
}

/** Aborts when the client goes away, and when the answer has not begun within the time. */
function makeLifetime(response: ServerResponse, timeoutMs: number): Lifetime {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    if (response.headersSent) return;
    controller.abort(
      new AppError({
        code: 'DEADLINE_EXCEEDED',
        message: `cannot answer within ${timeoutMs} ms: registry or log are slow; try again`,
        retryAfterSeconds: 5,
      }),
    );
  }, timeoutMs);
  const onClose = (): void => {
    clearTimeout(timer);
    controller.abort(new AppError({ code: 'DEADLINE_EXCEEDED', message: 'the client went away' }));
  };
  response.once('close', onClose);
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      response.removeListener('close', onClose);
    },
  };
}
