import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { CheckImage, Verdict } from '../check/verdict.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { accessOf } from './client-login.ts';
import {
  accepts,
  evidenceHeaders,
  hasDigest,
  manifestHeaders,
  noteTexts,
  warningHeaders,
} from './headers.ts';
import { sendOciError } from './oci-error.ts';
import type { Client } from './gate.ts';
import type { NewTags } from './new-tags.ts';
import { reasonLocation, refusal, tooMany } from './refusal.ts';
import type { Route } from './route.ts';
import type {
  ClientCredential,
  ManifestTarget,
  Upstream,
  UpstreamManifest,
  UpstreamManifestHead,
  UpstreamRepository,
} from './upstream-port.ts';

export type TagRoute = Extract<Route, { kind: 'manifest-tag' }>;

export interface ManifestParts {
  readonly checkImage: CheckImage;
  readonly upstream: Upstream;
  readonly denyCode: 'DENIED' | 'TAG_INVALID';
  readonly newTags: NewTags;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: Client;
  /** What the registry is shown for this client, where that is not ours. */
  readonly credential?: ClientCredential;
  /** Aborts when the client goes away, and at the deadline. */
  readonly signal: AbortSignal;
  /** Told once a tag is judged, before the answer is fetched. */
  readonly onVerdict: (verdict: Verdict) => void;
}

/** The credential, for the target of a call. */
export function shown({ credential }: Pick<Exchange, 'credential'>): {
  readonly credential?: ClientCredential;
} {
  return credential === undefined ? {} : { credential };
}

export interface ManifestPuller {
  /** Judges the tag, then serves the digest that must run. Throws what Upstream throws. */
  byTag(route: TagRoute, exchange: Exchange, hasReason: boolean): Promise<void>;
  /** Serves the digest as it is: a digest needs no judging. */
  byDigest(target: ManifestTarget, exchange: Exchange): Promise<void>;
}

export function makeManifestPuller({
  checkImage,
  upstream,
  denyCode,
  newTags,
}: ManifestParts): ManifestPuller {
  return {
    async byTag(route, exchange, hasReason) {
      const canonical = `${route.registry}/${route.repository}:${route.tag}`;
      await authorize({ ...route, reference: route.tag }, exchange);
      const wait = newTags.take(exchange.client.key, canonical);
      let verdict: Verdict | undefined;
      try {
        verdict = await checkImage(canonical, {
          origin: 'proxy',
          mayRecord: wait === 0,
          mayResolve: true,
          ...(exchange.credential && { access: accessOf(route.registry, exchange.credential) }),
          signal: exchange.signal,
        });
      } finally {
        if (wait === 0) newTags.done(exchange.client.key, canonical, isNew(verdict));
      }
      exchange.onVerdict(verdict);
      if (wait > 0 && isUnrecorded(verdict)) {
        sendOciError(exchange.response, tooMany('new tags', wait));
        return;
      }
      await answer(verdict, { route, canonical, exchange, hasReason });
    },
    async byDigest(target, exchange) {
      await authorize({ ...target, reference: target.digest }, exchange);
      await serve(target, exchange, {});
    },
  };

  /** Memory and records are for who may pull: where clients have credentials of their own, the registry is asked each time. */
  async function authorize(
    { registry, repository, reference }: UpstreamRepository & { readonly reference: string },
    { credential, signal }: Exchange,
  ): Promise<void> {
    if (credential === undefined) return;
    await upstream.mayPull({ registry, repository, reference, credential }, signal);
  }

  interface Asked {
    readonly route: TagRoute;
    readonly canonical: string;
    readonly exchange: Exchange;
    readonly hasReason: boolean;
  }

  async function answer(verdict: Verdict, { route, canonical, exchange, hasReason }: Asked): Promise<void> {
    switch (verdict.kind) {
      case 'admit':
        return serve({ ...route, digest: verdict.pin }, exchange, {
          isTag: true,
          headers: {
            ...evidenceHeaders(verdict),
            ...warningHeaders(noteTexts(canonical, verdict.notes)),
          },
        });
      case 'deny':
        deny(verdict, canonical, exchange, hasReason);
        return;
      case 'pending':
        sendOciError(exchange.response, {
          status: 503,
          code: 'UNAVAILABLE',
          message: `tag ${quote(canonical)} is being recorded; try again`,
          retryAfterSeconds: verdict.retryAfterSeconds,
        });
        return;
      case 'exempt':
        return serveCurrent(route, exchange, {});
      case 'report':
        return serveCurrent(
          route,
          exchange,
          verdict.mode === 'warn' ? warningHeaders([verdict.denial.message]) : {},
        );
    }
  }

  /** The tag as it stands now: no rule freezes it. */
  async function serveCurrent(
    route: TagRoute,
    exchange: Exchange,
    headers: OutgoingHttpHeaders,
  ): Promise<void> {
    const { digest } = await upstream.resolveTag({ ...route, ...shown(exchange) }, exchange.signal);
    await serve({ ...route, digest }, exchange, { isTag: true, headers });
  }

  function deny(
    { denial }: Extract<Verdict, { kind: 'deny' }>,
    canonical: string,
    { request, response }: Exchange,
    hasReason: boolean,
  ): void {
    const error = refusal(canonical, denial, denyCode);
    if (request.method === 'HEAD' && error.status === 403 && !hasReason) {
      const location = reasonLocation(request.url ?? '', denial);
      response.writeHead(307, { Location: location, 'Content-Length': 0 }).end();
      return;
    }
    sendOciError(response, error);
  }

  async function serve(
    target: ManifestTarget,
    exchange: Exchange,
    { headers = {}, isTag = false }: { readonly headers?: OutgoingHttpHeaders; readonly isTag?: boolean },
  ): Promise<void> {
    const { request, response, signal } = exchange;
    const { registry, repository, digest } = target;
    const asked = { registry, repository, digest, ...shown(exchange) };
    const isHead = request.method === 'HEAD';
    const manifest = isHead
      ? await upstream.headManifest(asked, signal)
      : withSize(await upstream.manifest(asked, signal));
    checkDigest(asked, manifest.digest);
    if (isTag && !accepts(request.headers.accept, manifest.mediaType)) {
      // never another digest: what a tag means must not depend on who asks
      sendOciError(response, {
        status: 404,
        code: 'MANIFEST_UNKNOWN',
        message: `the tag is a ${quote(manifest.mediaType)}, which the Accept header of this request leaves out`,
      });
      return;
    }
    if (hasDigest(request.headers['if-none-match'], manifest.digest)) {
      const { 'Content-Length': _, ...known } = { ...manifestHeaders(manifest), ...headers };
      response.writeHead(304, known).end();
      return;
    }
    response.writeHead(200, { ...manifestHeaders(manifest), ...headers });
    response.end('bytes' in manifest ? manifest.bytes : undefined);
  }
}

/** Whether the verdict made an entry of the log. */
function isNew(verdict: Verdict | undefined): boolean {
  return verdict?.kind === 'pending' || (verdict?.kind === 'admit' && verdict.first);
}

/** Whether the tag would have been recorded, had that been allowed. */
function isUnrecorded(verdict: Verdict): boolean {
  if (verdict.kind !== 'admit') return false;
  return verdict.notes.some(({ kind }) => kind === 'wouldRecord' || kind === 'wouldRestore');
}

function withSize(manifest: UpstreamManifest): UpstreamManifest & UpstreamManifestHead {
  return { ...manifest, size: manifest.bytes.byteLength };
}

/** The port promises it; the one thing that must never go wrong is looked at twice. */
function checkDigest({ registry, repository, digest }: ManifestTarget, got: Digest): void {
  if (got === digest) return;
  throw new AppError({
    code: 'DIGEST_MISMATCH',
    message: `cannot serve ${quote(`${registry}/${repository}@${digest}`)}: the registry sent ${quote(got)}; ask its operator`,
  });
}
