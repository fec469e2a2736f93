import { AppError } from '../errors/app-error.ts';
import { askAll } from './ask.ts';
import { EXIT } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import { findImages } from './pin/find-images.ts';
import { readSourceFile, replaceFile, type SourceFile } from './pin/files.ts';
import { parseSource } from './pin/parse-documents.ts';
import { plan, type Plan, type Target } from './pin/plan.ts';
import { changesJson, changesTable, unifiedDiff } from './pin/render-plan.ts';
import { makeProgress } from './progress.ts';
import type { ReadSession } from './session.ts';

export interface PinOptions {
  readonly diff?: boolean;
  readonly check?: boolean;
  /** False: new tags are pinned to what they point to now, and not recorded. */
  readonly record: boolean;
}

/** Standard input: there is no file to replace. */
interface Piped {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Distinct images in one run; each may cost calls to a registry and a log. */
const MAX_IMAGES = 1000;

/** Rewrites the image texts of YAML files, all of them or none: one refused image leaves every file as it was. */
export async function pinFiles(
  session: ReadSession,
  names: readonly string[],
  options: PinOptions,
): Promise<Outcome> {
  const writes = options.diff !== true && options.check !== true;
  const files = await readSources(session, names, writes);
  const targets = files.map(toTarget);
  // a look at what would change must not write to a log that never forgets
  const planned = plan(targets, await verdictsFor(session, targets, options.record && writes));
  if (planned.code !== EXIT.ok) return { code: planned.code, problems: planned.problems };
  return writes ? replaceAll(session, files, planned) : preview(session, planned, options);
}

async function readSources(
  { io, options }: ReadSession,
  names: readonly string[],
  writes: boolean,
): Promise<readonly (SourceFile | Piped)[]> {
  if (names.length > 0 && !names.includes('-')) return readFiles(names);
  if (names.length > 1) throw invalid('"-" stands alone; name files or pipe one in');
  if (writes && options.output === 'json') {
    throw invalid('the output is the pinned document itself; leave -o json out, or add --check');
  }
  return [{ name: 'stdin', bytes: await io.readStdin() }];
}

async function verdictsFor(
  { io, runtime, signal }: ReadSession,
  targets: readonly Target[],
  mayRecord: boolean,
) {
  const images = [...new Set(targets.flatMap(({ spots }) => spots.map(({ image }) => image)))];
  if (images.length > MAX_IMAGES) {
    throw invalid(
      `there are ${images.length} different images, more than ${MAX_IMAGES}; pin fewer files at once`,
    );
  }
  return askAll(images, {
    checkImage: runtime.checkImage,
    context: { origin: 'cli', mayRecord, mayResolve: true, signal },
    onAnswer: makeProgress(io, 'pinning').step,
  });
}

function preview(
  { options }: ReadSession,
  { targets, problems }: Plan,
  { check, diff }: PinOptions,
): Outcome {
  const changed = targets.some(({ changes }) => changes.length > 0);
  const code = check === true && changed ? EXIT.denied : EXIT.ok;
  if (options.output === 'json') return { code, problems, stdout: changesJson(targets) };
  return { code, problems, stdout: diff === true ? unifiedDiff(targets) : changesTable(targets) };
}

async function replaceAll(
  { io, options }: ReadSession,
  files: readonly (SourceFile | Piped)[],
  { targets, problems }: Plan,
): Promise<Outcome> {
  const piped: string[] = [];
  for (const [i, { changes, pinnedText }] of targets.entries()) {
    const file = files[i];
    if (file === undefined || io.signal.aborted) break;
    if (!('path' in file)) piped.push(pinnedText);
    else if (changes.length > 0) await replaceFile(file, pinnedText);
  }
  if (piped.length > 0) return { code: EXIT.ok, problems, stdout: piped.join('') };
  const stdout = options.output === 'json' ? changesJson(targets) : changesTable(targets);
  return { code: EXIT.ok, problems, stdout };
}

function toTarget({ name, bytes }: SourceFile | Piped): Target {
  const source = parseSource(name, bytes);
  return { name, text: source.text, spots: findImages(source) };
}

/** Each file once, however often and under whatever names it is given. */
async function readFiles(names: readonly string[]): Promise<readonly SourceFile[]> {
  const files = new Map<string, SourceFile>();
  for (const name of names) {
    const file = await readSourceFile(name);
    if (!files.has(file.path)) files.set(file.path, file);
  }
  return [...files.values()];
}

function invalid(why: string): AppError {
  return new AppError({ code: 'DOCUMENT_INVALID', message: `cannot pin: ${why}` });
}
