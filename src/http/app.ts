import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';
import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Logger } from '../observe/log.ts';
import { errorBody, sendJson } from './json.ts';

/** An express application that says nothing of itself and reads no body and no query. */
export function makeApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('case sensitive routing');
  return app;
}

/** Ends the application's routes: what none of them took is a 404, what one of them threw a 500, both in JSON. */
export function endRoutes(app: Express, logger: Logger): void {
  app.use((request: Request, response: Response) => {
    sendJson(response, 404, errorBody('NOT_FOUND', `nothing is served at ${quote(request.originalUrl)}`));
  });
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- express tells an error handler by its four parameters
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    if (isBadRequest(error)) {
      sendJson(response, 400, errorBody('BAD_REQUEST', `cannot read the path ${quote(request.originalUrl)}`));
      return;
    }
    logger.error('http.failed', { path: request.originalUrl, error: toAppError(error) }, 'a handler threw');
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, errorBody('INTERNAL', 'internal error: see the log of Tagseal'));
  });
}

/** The router's own complaint about a path, for example a broken percent-encoding. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
