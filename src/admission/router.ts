import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { toAppError } from '../errors/app-error.ts';
import { endRoutes, makeApp } from '../http/app.ts';
import { errorBody, sendJson, sendText } from '../http/json.ts';
import { readBody } from '../http/read-body.ts';
import type { Logger } from '../observe/log.ts';
import type { HandleReview } from './handler.ts';
import type { Door } from './outcome.ts';

export interface AdmissionRouterOptions {
  readonly handleReview: HandleReview;
  readonly logger: Logger;
}

const DOORS: readonly Door[] = ['mutate', 'validate', 'warn'];

/** An object has 3 MB at most and an UPDATE carries two. */
const BODY_LIMITS = { maxBytes: 8 * 1024 * 1024, timeoutMs: 10_000 };

/** POST `/mutate`, `/validate`, `/warn`. Everything else is refused in JSON. */
export function makeAdmissionRouter({ handleReview, logger }: AdmissionRouterOptions): RequestListener {
  const app = makeApp();
  for (const door of DOORS) {
    app.post(`/${door}`, (request, response) => answer(door, request, response));
    app.all(`/${door}`, (_request, response) => {
      const body = errorBody('METHOD_NOT_ALLOWED', `/${door} takes an AdmissionReview by POST`);
      sendJson(response, 405, body, { Allow: 'POST', Connection: 'close' });
    });
  }
  endRoutes(app, logger);
  return app;

  async function answer(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, BODY_LIMITS);
    if (body.kind === 'refused') {
      logger.warn('admission.refused', { door, status: body.status }, body.message);
      sendJson(response, body.status, errorBody('REVIEW_INVALID', body.message), { Connection: 'close' });
      return;
    }
    try {
      const { status, body: text } = await handleReview(door, body.bytes, request.url ?? '');
      sendText(response, status, text);
    } catch (error) {
      throw toAppError(error);
    }
  }
}
