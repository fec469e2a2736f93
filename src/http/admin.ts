import type { RequestListener } from 'node:http';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { endRoutes, makeApp } from './app.ts';
import type { Health } from './health.ts';
import { sendJson } from './json.ts';

export interface AdminOptions {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Further handlers by path prefix, for example the embedded log under `/log`; they see paths without the prefix. */
  readonly mounts?: Readonly<Record<string, RequestListener>>;
}

/** `/metrics`, `/healthz` (this process lives), `/readyz` (it can do its work: 200, or 503 with the reasons). */
export function makeAdminHandler({ health, metrics, logger, mounts = {} }: AdminOptions): RequestListener {
  const app = makeApp();
  app.get('/healthz', (_request, response) => {
    sendJson(response, 200, { status: 'ok' });
  });
  app.get('/readyz', async (_request, response) => {
    const { ready, checks } = await health.readiness();
    sendJson(response, ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', checks });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.render();
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
  });
  for (const [prefix, handler] of Object.entries(mounts)) {
    app.use(prefix, (request, response) => handler(request, response));
  }
  endRoutes(app, logger);
  return app;
}
