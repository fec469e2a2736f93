import type { Command } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { EXIT, exitCodeOfReason, worst } from './exit-code.ts';
import { toFailure, type Failure } from './failure.ts';
import type { Outcome } from './outcome.ts';
import type { ScanPlaces, ScanReport, ScanRow } from './ports.ts';
import { withExample, type ReadRegistry } from './registry.ts';
import { recordJson, toJson } from './render-json.ts';
import { renderTable, shortDigest, type Cell } from './render-table.ts';
import type { ReadSession } from './session.ts';

interface ScanOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly all?: boolean;
}

/** `scan`, in a cluster; `usual`: which Pods it looks at where nobody says so. */
export function scanCommand({ program, read }: ReadRegistry, usual: string): Command {
  return withExample(program.command('scan'), 'tagseal scan --namespace shop', 'tagseal scan -A -o json')
    .description(`compare what Pods run with what is recorded of their tags; default: ${usual}`)
    .option('-A, --all-namespaces', 'in all namespaces that have a mode')
    .option('--all', 'show what is in order, too')
    .action((_options: unknown, command: Command) =>
      read(command, (session) => scanPods(session, command.optsWithGlobals<ScanOptions>())),
    );
}

/** Exits with 1 where something does not match, and with the code of the worst record that counts for nothing. */
async function scanPods(
  { runtime, options, colors, debug, signal }: ReadSession,
  asked: ScanOptions,
): Promise<Outcome> {
  if (runtime.scan === undefined) throw noCluster();
  const report = await runtime.scan(placesOf(asked), signal);
  const shown = report.rows.map((row) => withFailure(row, debug));
  const code = worst(shown.map(codeOf));
  const problems = [...new Set(shown.flatMap(problemOf)), ...cut(report)];
  if (options.output === 'json') {
    const images = shown.map(rowJson);
    return { code, problems, stdout: toJson({ pods: report.pods, skipped: report.skipped, images }) };
  }
  const told = shown.filter((each) => asked.all === true || !isFine(each));
  const table =
    told.length === 0
      ? ''
      : renderTable(
          HEADER,
          told.map((each) => cells(each, colors.red)),
        );
  return { code, problems, stdout: `${table}${summary(report, shown)}\n` };
}

function placesOf({ namespace, allNamespaces = false }: ScanOptions): ScanPlaces | undefined {
  if (!allNamespaces) return namespace === undefined ? undefined : { namespace };
  if (namespace === undefined) return 'optedIn';
  throw new AppError({
    code: 'CONFIG_INVALID',
    message: 'cannot scan: --namespace and --all-namespaces say two things; leave one out',
  });
}

/** A row whose failure may be shown. */
interface Shown {
  readonly row: ScanRow;
  readonly failure?: Failure;
}

function withFailure(row: ScanRow, debug: boolean): Shown {
  return row.result.kind === 'failed' ? { row, failure: toFailure(row.result.error, debug) } : { row };
}

function codeOf({ row, failure }: Shown): number {
  if (failure !== undefined) return exitCodeOfReason(failure.code);
  return ['mismatch', 'older', 'unrecorded'].includes(row.result.kind) ? EXIT.denied : EXIT.ok;
}

function isFine({ row }: Shown): boolean {
  return row.result.kind === 'ok' || row.result.kind === 'exempt';
}

function problemOf({ failure }: Shown): readonly string[] {
  return failure === undefined ? [] : [failure.message];
}

function cut({ skipped }: ScanReport): readonly string[] {
  return skipped === 0
    ? []
    : [`${skipped} images were left out, since there are too many; scan by namespace`];
}

const HEADER = ['NAMESPACE', 'POD', 'CONTAINER', 'IMAGE', 'RESULT', 'RUNNING', 'RECORDED'];

function cells({ row }: Shown, paint: (text: string) => string): readonly Cell[] {
  const { namespace, pod, container, image, running, recorded, result } = row;
  const isGood = result.kind === 'ok' || result.kind === 'exempt' || result.kind === 'unknown';
  const word = result.kind === 'older' ? `older (generation ${result.generation})` : result.kind;
  return [
    ...[namespace, pod, container, image].map((text) => ({ text })),
    { text: word, ...(!isGood && { paint }) },
    { text: running === undefined ? '-' : shortDigest(running) },
    { text: recorded === undefined ? '-' : shortDigest(recorded.digest) },
  ];
}

function summary({ pods }: ScanReport, shown: readonly Shown[]): string {
  const counts = new Map<string, number>();
  for (const { row } of shown) counts.set(row.result.kind, (counts.get(row.result.kind) ?? 0) + 1);
  const told = [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
  return `${pods} Pods, ${shown.length} images by tag${told === '' ? '' : `: ${told}`}`;
}

function rowJson({ row, failure }: Shown): object {
  const { result, recorded, ...rest } = row;
  return {
    ...rest,
    result: result.kind,
    ...(result.kind === 'older' && { generation: result.generation }),
    ...(recorded && { record: recordJson(recorded) }),
    ...(failure && { error: failure }),
  };
}

function noCluster(): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message:
      'cannot scan: the config knows no cluster; set store.kind kubernetes, or use kubectl tagseal scan',
  });
}
