import { quote } from '../errors/quote.ts';
import { describe, pathOf, selectors } from './address.ts';
import type { KubeApi, KubeObject, ListOptions, Resource } from './api.ts';
import { makeCall, rejected, shaped, type Answer, type CallParts, type WholeCall } from './call.ts';
import { parseObject, parsePage } from './parse-object.ts';
import { makeWatch } from './watch.ts';

const MAX_OBJECT_BYTES = 2 * 1024 * 1024;
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const JSON_TYPE = 'application/json';
const META = 'g=meta.k8s.io;v=v1';

/** The API of one cluster over the connection, whose tokens and certificates may change meanwhile. */
export function makeKubeApi(parts: CallParts): KubeApi {
  const { connection } = parts;
  const makeAnswer = makeCall(parts);
  const onServer = (doing: string) => `${doing} at ${quote(connection.server)}`;

  /** What the answer holds, or what an expected refusal stands for. */
  async function ask<Other>(
    call: Omit<WholeCall, 'maxBytes'>,
    signal: AbortSignal,
    expected: (answer: Extract<Answer, { ok: false }>) => { readonly is: Other } | undefined,
  ): Promise<KubeObject | Other> {
    const answer = await makeAnswer({ maxBytes: MAX_OBJECT_BYTES, ...call }, signal);
    if (answer.ok) return shaped(onServer(call.doing), () => parseObject(answer.value));
    const other = expected(answer);
    if (other === undefined) throw rejected(onServer(call.doing), answer);
    return other.is;
  }

  function patch(
    resource: Resource,
    name: string,
    request: {
      readonly contentType: string;
      readonly body: unknown;
      readonly query?: Readonly<Record<string, string>>;
      readonly subresource: 'status' | undefined;
    },
  ): Omit<WholeCall, 'maxBytes'> {
    const { subresource, ...rest } = request;
    return {
      ...rest,
      method: 'PATCH',
      path: pathOf(resource, name, subresource),
      doing: `change ${describe(resource, name)}`,
      idempotent: true,
    };
  }

  return {
    get: (resource, name, signal) =>
      ask(
        {
          method: 'GET',
          path: pathOf(resource, name),
          doing: `get ${describe(resource, name)}`,
          idempotent: true,
        },
        signal,
        (answer) => (isMissing(answer, name) ? { is: undefined } : undefined),
      ),

    async listPage(resource, options, signal) {
      const doing = `list ${describe(resource)}`;
      const answer = await makeAnswer(
        {
          method: 'GET',
          path: pathOf(resource),
          query: {
            ...selectors(options),
            ...(options.limit > 0 && { limit: String(options.limit) }),
            ...(options.continue !== undefined && { continue: options.continue }),
          },
          accept: acceptOf(options, 'PartialObjectMetadataList'),
          doing,
          maxBytes: MAX_LIST_BYTES,
          isList: true,
          idempotent: true,
        },
        signal,
      );
      if (answer.ok) return shaped(onServer(doing), () => parsePage(answer.value));
      if (answer.code === 410) return 'expired';
      throw rejected(onServer(doing), answer);
    },

    create: (resource, object, signal) =>
      ask(
        {
          method: 'POST',
          path: pathOf(resource),
          body: object,
          doing: `create ${describe(resource, object.metadata.name)}`,
          idempotent: false,
        },
        signal,
        ({ code, status }) =>
          code === 409 && status.reason === 'AlreadyExists' ? { is: 'exists' as const } : undefined,
      ),

    replace: (resource, object, signal) =>
      ask(
        {
          method: 'PUT',
          path: pathOf(resource, object.metadata.name),
          body: object,
          doing: `replace ${describe(resource, object.metadata.name)}`,
          idempotent: true,
        },
        signal,
        (answer) =>
          answer.code === 409 || isMissing(answer, object.metadata.name)
            ? { is: 'conflict' as const }
            : undefined,
      ),

    apply: (resource, object, { fieldManager, force, subresource }, signal) =>
      ask(
        patch(resource, object.metadata.name, {
          contentType: 'application/apply-patch+yaml',
          // JSON is YAML
          body: object,
          query: { fieldManager, ...(force && { force: 'true' }) },
          subresource,
        }),
        signal,
        ({ code }) => (code === 409 ? { is: 'conflict' as const } : undefined),
      ),

    mergePatch: (resource, name, ...[body, signal, subresource]) =>
      ask(
        patch(resource, name, { contentType: 'application/merge-patch+json', body, subresource }),
        signal,
        (answer) => {
          if (answer.code === 409) return { is: 'conflict' as const };
          return isMissing(answer, name) ? { is: undefined } : undefined;
        },
      ),

    async remove(resource, name, signal) {
      const doing = `delete ${describe(resource, name)}`;
      const call = { method: 'DELETE', path: pathOf(resource, name), doing, idempotent: true } as const;
      const answer = await makeAnswer({ ...call, maxBytes: MAX_OBJECT_BYTES }, signal);
      if (answer.ok) return true;
      if (isMissing(answer, name)) return false;
      throw rejected(onServer(doing), answer);
    },

    watch: makeWatch({ ...parts, acceptOf }),
  };
}

/** The object, and not its kind, is missing: a server without the CRD knows nothing of what there is. */
function isMissing({ code, status }: Extract<Answer, { ok: false }>, name: string): boolean {
  return code === 404 && status.reason === 'NotFound' && status.name === name;
}

function acceptOf({ metadataOnly }: ListOptions, kind: string): string {
  return metadataOnly === true ? `${JSON_TYPE};as=${kind};${META}` : JSON_TYPE;
}
