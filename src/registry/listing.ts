import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

const MAX_ITEMS = 100_000;
const tagsSchema = z.object({
  tags: z.nullable(z.array(z.string().check(z.regex(/^\w[\w.-]{0,127}$/))).check(z.maxLength(MAX_ITEMS))),
});
const indexSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z.nullable(z.array(z.looseObject({ digest: z.string() })).check(z.maxLength(MAX_ITEMS))),
});

/** The tags of a list (OCI distribution spec 1.1, listing tags); none for null. Throws REGISTRY_ANSWER_INVALID. */
export function tagsIn(body: Uint8Array, host: string, aim: string): readonly string[] {
  const parsed = tagsSchema.safeParse(parseJson(body, host, aim));
  if (!parsed.success) throw invalid(host, aim, 'is no list of tags');
  return parsed.data.tags ?? [];
}

/** The descriptors of an OCI index (image spec 1.1), each with a digest, else as they came. Throws REGISTRY_ANSWER_INVALID. */
export function manifestsIn(body: Uint8Array, host: string, aim: string): readonly unknown[] {
  const parsed = indexSchema.safeParse(parseJson(body, host, aim));
  if (!parsed.success) throw invalid(host, aim, 'is no OCI index');
  return parsed.data.manifests ?? [];
}

function parseJson(body: Uint8Array, host: string, aim: string): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (error) {
    throw invalid(host, aim, 'is not JSON', error);
  }
}

function invalid(host: string, aim: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: what ${quote(host)} answers ${why}; check what answers under this host name`,
    ...(cause !== undefined && { cause }),
  });
}
