import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { toAppError } from '../errors/app-error.ts';
import { endRoutes, makeApp } from '../http/app.ts';
import { errorBody, sendJson, sendText } from '../http/json.ts';
import { readBody } from '../http/read-body.ts';
import type { Logger } from '../observe/log.ts';
import type { HandleReview } from './handler.ts';
import type { AnyDoor } from './outcome.ts';

export interface AdmissionRouterOptions {
  readonly handleReview: HandleReview;
  readonly logger: Logger;
}

const DOORS: ReadonlyMap<string, AnyDoor> = new Map<string, AnyDoor>([
  ['/mutate', 'mutate'],
  ['/validate', 'validate'],
  ['/warn', 'warn'],
  ['/stamp', 'stamp'],
  ['/policy', 'policy'],
]);

/** An object has 3 MB at most and an UPDATE carries two. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** POST `/mutate`, `/validate`, `/warn`, `/stamp`, `/policy`. Everything else is refused in JSON. */
export function makeAdmissionRouter({ handleReview, logger }: AdmissionRouterOptions): RequestListener {
  const app = makeApp();
  for (const path of DOORS.keys()) {
    app.all(path, (_request, response) => {
      const body = errorBody('METHOD_NOT_ALLOWED', `${path} takes an AdmissionReview by POST`);
      sendJson(response, 405, body, { Allow: 'POST', Connection: 'close' });
    });
  }
  endRoutes(app, logger);

  return (request, response) => {
    // reviews pass express by: its dispatch would be a tenth of what an admission costs
    const door = request.method === 'POST' ? doorOf(request.url ?? '') : undefined;
    if (door === undefined) app(request, response);
    else void answer(door, request, response);
  };

  async function answer(door: AnyDoor, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readBody(request, MAX_BODY_BYTES);
      if (body.kind === 'refused') {
        logger.warn('admission.refused', { door, status: body.status }, body.message);
        sendJson(response, body.status, errorBody('REVIEW_INVALID', body.message), { Connection: 'close' });
        return;
      }
      const { status, body: text } = await handleReview(door, body.bytes, request.url ?? '');
      sendText(response, status, text);
    } catch (error) {
      logger.error('admission.failed', { door, error: toAppError(error) }, 'an answer was not sent');
      response.destroy();
    }
  }
}

function doorOf(url: string): AnyDoor | undefined {
  const query = url.indexOf('?');
  return DOORS.get(query === -1 ? url : url.slice(0, query));
}
