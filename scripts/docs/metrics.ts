import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES } from '../../src/errors/code.ts';
import { makeMetrics } from '../../src/observe/metrics.ts';
import { code, table } from './blocks.ts';

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** The method of Metrics that fills an instrument, or several. */
const FILL = {
  countVerdict: 'tagseal_verdicts_total',
  observeAdmission: 'tagseal_admission_duration_seconds',
  countProxyRequest: 'tagseal_proxy_requests_total',
  countRegistryRequest: 'tagseal_registry_requests_total',
  countLogRequest: 'tagseal_log_requests_total',
  countRecord: 'tagseal_records_total',
  setTail:
    'tagseal_log_tree_size tagseal_log_tail_position tagseal_log_tail_lag_seconds tagseal_log_tail_leaves_total',
  setForked: 'tagseal_log_forked',
  setAudit: 'tagseal_log_unexplained_entries tagseal_records_denying',
  setBreaker: 'tagseal_log_breaker_state',
  setTrustStale: 'tagseal_trust_root_stale',
} as const;

/** Every instrument, read from a registry in which each was used once. */
export async function readMetrics(): Promise<readonly Metric[]> {
  const metrics = makeMetrics({ version: '0', processMetrics: false });
  metrics.countVerdict('proxy', 'admit', 'none');
  metrics.observeAdmission('mutate', 0.001);
  metrics.countProxyRequest('ping', 200);
  metrics.countRegistryRequest('GET', 'ok');
  metrics.countLogRequest('embedded', 'submit', 'ok');
  metrics.countRecord('recorded');
  metrics.setAudit({ unexplained: 0, unlogged: 0, conflicted: 0 });
  const { text } = await metrics.render();
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name = '', help = '', type = '']) => ({ name, help, type, labels: labelsOf(text, name) }),
  );
}

/** Label names of an instrument's samples; `le` belongs to every histogram. */
function labelsOf(text: string, name: string): readonly string[] {
  const sample = new RegExp(`^${name}(?:_count)?\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
  return [...sample.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
}

export async function metricsTable(sourceFolder: string): Promise<string> {
  const filled = filledMetrics(sourceFolder);
  const rows = (await readMetrics()).map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(' '),
    filled.has(name) || name === 'tagseal_build_info' ? help : `${help} Not filled by this version.`,
  ]);
  return table(['metric', 'type', 'labels', 'meaning'], rows);
}

/** The closed sets of label values, as the types say them. */
export function labelValuesTable(sourceFolder: string): string {
  const source = readFileSync(join(sourceFolder, 'observe', 'metrics.ts'), 'utf8');
  const unions = [...source.matchAll(/^export type (\w+)Label\s*=\s*([^;]+);/gm)];
  const rows = unions.map(([, name = '', union = '']) => [
    NAME_OF_TYPE[name] ?? name,
    [...union.matchAll(/'([^']+)'/g)]
      .map(([, value = '']) => code(value))
      .concat(
        union.includes('ErrorCode') ? [`the ${ERROR_CODES.length} codes of [errors.md](errors.md)`] : [],
      )
      .join(' '),
  ]);
  return table(['label', 'values'], rows);
}

const NAME_OF_TYPE: Readonly<Record<string, string>> = {
  Door: '`door`',
  Verdict: '`verdict`',
  Reason: '`reason`',
  ProxyKind: '`kind` of a proxy request',
  RegistryMethod: '`method`',
  Outcome: '`outcome` of a request',
  LogKind: '`log`',
  LogOperation: '`operation`',
  RecordOutcome: '`outcome` of a record',
};

/** The metrics that some code fills, or hands on to be filled. */
function filledMetrics(sourceFolder: string): ReadonlySet<string> {
  const sources = readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith(join('observe', 'metrics.ts')))
    .map((name) => readFileSync(join(sourceFolder, name), 'utf8'))
    .join('\n');
  const called = Object.entries(FILL).filter(([method]) => sources.includes(`.${method}`));
  return new Set(called.flatMap(([, names]) => names.split(' ')));
}
