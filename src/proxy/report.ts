import type { Verdict } from '../check/verdict.ts';
import { levelOf } from '../observe/level-of.ts';
import type { LogFields } from '../observe/log.ts';
import type { ProxyKindLabel } from '../observe/metrics.ts';
import type { Exchange } from './pull-manifest.ts';
import type { Route } from './route.ts';
import type { ProxyOptions } from './router.ts';

export interface ProxyReporter {
  /** Logs and counts the answer once it is out or cut off; what is returned adds the verdict. */
  begin(
    id: string,
    route: Route,
    exchange: Pick<Exchange, 'request' | 'response'>,
  ): (verdict: Verdict) => void;
}

const KIND: Readonly<Record<Route['kind'], ProxyKindLabel>> = {
  ping: 'ping',
  'manifest-tag': 'manifest-tag',
  'manifest-digest': 'manifest-digest',
  blob: 'blob',
  token: 'token',
  tags: 'tags',
  referrers: 'referrers',
  unknown: 'other',
  invalid: 'other',
};

/** One line per request: at info for tags and refusals, at debug for the rest of a pull. */
export function makeProxyReporter({
  logger,
  metrics,
  clock,
}: Pick<ProxyOptions, 'logger' | 'metrics' | 'clock'>): ProxyReporter {
  return {
    begin(id, route, { request, response }) {
      const started = clock.monotonicMs();
      let verdict: Verdict | undefined;
      response.once('close', () => {
        const status = response.headersSent ? response.statusCode : 499;
        metrics.countProxyRequest(KIND[route.kind], status);
        const isNews = verdict !== undefined || status >= 400;
        const level = verdict === undefined ? 'info' : levelOf(reasonOf(verdict));
        logger[isNews ? level : 'debug']('pull.answered', {
          id,
          method: request.method,
          // of a login nothing but the path is logged
          path: route.kind === 'token' ? '/token' : request.url,
          kind: route.kind,
          ...named(route),
          ...(verdict === undefined ? {} : judged(verdict)),
          status,
          isCut: !response.writableFinished,
          durationMs: Math.round((clock.monotonicMs() - started) * 1000) / 1000,
        });
      });
      return (reached) => {
        verdict = reached;
        metrics.countVerdict('proxy', reached.kind, reasonOf(reached));
      };
    },
  };
}

function named(route: Route): LogFields {
  if (route.kind === 'manifest-tag')
    return { reference: `${route.registry}/${route.repository}:${route.tag}` };
  if (route.kind === 'tags') return { reference: `${route.registry}/${route.repository}` };
  if ('digest' in route) return { reference: `${route.registry}/${route.repository}@${route.digest}` };
  return {};
}

function judged(verdict: Verdict): LogFields {
  switch (verdict.kind) {
    case 'admit':
      return {
        verdict: 'admit',
        digest: verdict.pin,
        first: verdict.first,
        logIndex: verdict.record?.log?.index,
      };
    case 'deny':
    case 'report':
      return { verdict: verdict.kind, reason: verdict.denial.reason };
    case 'exempt':
    case 'pending':
      return { verdict: verdict.kind };
  }
}

function reasonOf(verdict: Verdict) {
  return verdict.kind === 'deny' || verdict.kind === 'report' ? verdict.denial.reason : 'none';
}
