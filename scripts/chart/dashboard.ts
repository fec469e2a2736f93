interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

const PANELS: readonly Panel[] = [
  {
    title: 'Verdicts on images',
    unit: 'ops',
    queries: [
      { expr: 'sum by (door, verdict) (rate(tagseal_verdicts_total[5m]))', legend: '{{door}} {{verdict}}' },
    ],
  },
  {
    title: 'Why images are refused',
    unit: 'short',
    queries: [
      {
        expr: 'sum by (reason) (increase(tagseal_verdicts_total{verdict="deny"}[1h]))',
        legend: '{{reason}}',
      },
    ],
  },
  {
    title: 'Time of an admission',
    unit: 's',
    queries: [0.5, 0.99].map((share) => ({
      expr: `histogram_quantile(${share}, sum by (le, door) (rate(tagseal_admission_duration_seconds_bucket[5m])))`,
      legend: `{{door}} p${share * 100}`,
    })),
  },
  {
    title: 'Requests to the proxy',
    unit: 'reqps',
    queries: [
      {
        expr: 'sum by (kind, status) (rate(tagseal_proxy_requests_total[5m]))',
        legend: '{{kind}} {{status}}',
      },
    ],
  },
  {
    title: 'Requests to registries',
    unit: 'reqps',
    queries: [
      { expr: 'sum by (outcome) (rate(tagseal_registry_requests_total[5m]))', legend: '{{outcome}}' },
    ],
  },
  {
    title: 'Requests to the log',
    unit: 'reqps',
    queries: [
      {
        expr: 'sum by (operation, outcome) (rate(tagseal_log_requests_total[5m]))',
        legend: '{{operation}} {{outcome}}',
      },
    ],
  },
  {
    title: 'Tags recorded',
    unit: 'short',
    queries: [
      { expr: 'sum by (outcome) (increase(tagseal_records_total[1h]))', legend: '{{outcome}}' },
      { expr: 'sum by (phase) (tagseal_records_denying)', legend: 'denying: {{phase}}' },
    ],
  },
  {
    title: 'The log',
    unit: 'short',
    queries: [
      { expr: 'max(tagseal_log_breaker_state)', legend: 'breaker (2: open)' },
      { expr: 'max(tagseal_log_forked)', legend: 'forked' },
      { expr: 'max(tagseal_log_unexplained_entries)', legend: 'unexplained entries' },
      { expr: 'max(tagseal_trust_root_stale)', legend: 'trust expired' },
    ],
  },
];

const WIDTH = 12;
const HEIGHT = 8;

/** A Grafana dashboard (schema version 39) of the metrics in docs/metrics.md. */
export function dashboard(): unknown {
  return {
    title: 'Tagseal',
    uid: 'tagseal',
    tags: ['tagseal'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' }],
    },
    panels: PANELS.map(({ title, unit, queries }, at) => ({
      id: at + 1,
      title,
      type: 'timeseries',
      datasource: { type: 'prometheus', uid: '${datasource}' },
      gridPos: { w: WIDTH, h: HEIGHT, x: (at % 2) * WIDTH, y: Math.floor(at / 2) * HEIGHT },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: queries.map(({ expr, legend }, number) => ({
        refId: String.fromCharCode(65 + number),
        expr,
        legendFormat: legend,
      })),
    })),
  };
}
