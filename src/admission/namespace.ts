import { AppError, toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Labels } from '../policy/label-selector.ts';
import type { Mode } from '../policy/policy.ts';
import type { Namespace } from '../policy/rule-for.ts';

/** Reads namespaces. Throws KUBERNETES_*, also where there is no such namespace: unknown labels are never "none". */
export interface NamespaceLookup {
  labelsOf(name: string, signal: AbortSignal): Promise<Labels>;
}

export const MODE_LABEL = 'tagseal.dev/mode';

const MODES: readonly Mode[] = ['enforce', 'warn', 'audit', 'off'];
const SHOWN = 30;

/** Where the object of a review is to live, and what its namespace wants. */
export interface Place {
  readonly namespace?: Namespace;
  /** As labelled; absent without a label. */
  readonly mode?: Mode;
  readonly warnings: readonly string[];
}

const NOWHERE: Place = { warnings: [] };

/** Throws KUBERNETES_* where the labels cannot be read. Outside a cluster there is no look-up, and no place. */
export async function placeOf(
  lookup: NamespaceLookup | undefined,
  name: string,
  signal: AbortSignal,
): Promise<Place> {
  if (lookup === undefined || name === '') return NOWHERE;
  const labels = await labelsOf(lookup, name, signal);
  const namespace = { name, labels };
  const text = Object.hasOwn(labels, MODE_LABEL) ? labels[MODE_LABEL] : undefined;
  if (text === undefined) return { namespace, warnings: [] };
  const mode = MODES.find((known) => known === text);
  if (mode !== undefined) return { namespace, mode, warnings: [] };
  // a slip of the pen must not open a door
  const shown = text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
  const warning = `namespace label ${MODE_LABEL}: ${quote(shown)} is none of ${MODES.join(', ')}; enforce is used`;
  return { namespace, mode: 'enforce', warnings: [warning] };
}

async function labelsOf(lookup: NamespaceLookup, name: string, signal: AbortSignal): Promise<Labels> {
  try {
    return await lookup.labelsOf(name, signal);
  } catch (cause) {
    const { code, message } = toAppError(cause);
    if (code === 'INTERNAL') throw cause;
    throw new AppError({
      code,
      message: `cannot tell which mode applies: the labels of namespace ${quote(name)} cannot be read: ${message}`,
      cause,
    });
  }
}
