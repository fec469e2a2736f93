import type * as z from 'zod/mini';

/** One setting: its place in the file, which is also its `TAGSEAL_*` variable, its rule, its default, its meaning. */
export interface Setting {
  readonly path: string;
  readonly schema: z.ZodMiniType;
  /** As it would be written in the file; absent: no default. */
  readonly default?: unknown;
  readonly about: string;
  /** Its value is never shown. */
  readonly isSecret?: true;
}
