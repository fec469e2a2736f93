import type { Contender } from './contenders.ts';
import { median } from './figures.ts';
import type { Measure } from './rounds.ts';

export interface Summary {
  readonly name: string;
  readonly perSecond: readonly number[];
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  readonly rssMb: number;
  /** Medians of the ratios to the first contender of the same round; above 1 is better than it. */
  readonly rateRatio: number;
  /** Above 1: more CPU than the first contender. */
  readonly cpuRatio: number;
  readonly registryCalls: number;
  readonly logCalls: number;
  readonly answered: number;
  readonly wrong: number;
  readonly foreign: number;
  readonly clientBusy: number;
}

/** One line for each contender, the first being the measure of the others. */
export function summarize(measures: ReadonlyMap<Contender, readonly Measure[]>): readonly Summary[] {
  const [base = []] = measures.values();
  return [...measures].map(([{ name }, own]) => {
    const of = (pick: (measure: Measure) => number) => own.map(pick);
    const ratio = (pick: (measure: Measure) => number) =>
      median(own.map((measure, i) => pick(measure) / pick(base[i] ?? measure)));
    const sum = (pick: (measure: Measure) => number) => of(pick).reduce((total, value) => total + value, 0);
    return {
      name,
      perSecond: of(({ perSecond }) => perSecond),
      cpuUs: median(of(({ cpuUs }) => cpuUs)),
      p50: median(of(({ p50 }) => p50)),
      p99: median(of(({ p99 }) => p99)),
      rssMb: Math.max(...of(({ rssMb }) => rssMb)),
      rateRatio: ratio(({ perSecond }) => perSecond),
      cpuRatio: ratio(({ cpuUs }) => cpuUs),
      registryCalls: sum(({ registryCalls }) => registryCalls),
      logCalls: sum(({ logCalls }) => logCalls),
      answered: sum(({ answered }) => answered),
      wrong: sum(({ wrong }) => wrong),
      foreign: median(of(({ foreign }) => foreign)),
      clientBusy: median(of(({ clientBusy }) => clientBusy)),
    };
  });
}

const HEAD = [
  '',
  'reviews/s (min-max)',
  'CPU us',
  'p50 ms',
  'p99 ms',
  'RSS MB',
  'rate ratio',
  'CPU ratio',
  'registry calls',
  'log calls',
  'foreign',
  'client',
];

export function renderTable(summaries: readonly Summary[]): string {
  const rows = [HEAD, ...summaries.map(rowOf)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))),
    )
    .map((cells) => cells.join('  ').trimEnd())
    .join('\n');
}

function rowOf(summary: Summary): string[] {
  const { perSecond, answered } = summary;
  const whole = (value: number) => value.toFixed(0);
  const range = `${whole(median(perSecond))} (${whole(Math.min(...perSecond))}-${whole(Math.max(...perSecond))})`;
  const perReview = (calls: number) => (calls === 0 ? '0' : (calls / answered).toFixed(4));
  return [
    summary.name,
    range,
    whole(summary.cpuUs),
    summary.p50.toFixed(2),
    summary.p99.toFixed(2),
    whole(summary.rssMb),
    summary.rateRatio.toFixed(2),
    summary.cpuRatio.toFixed(2),
    perReview(summary.registryCalls),
    perReview(summary.logCalls),
    `${whole(summary.foreign * 100)} %`,
    `${whole(summary.clientBusy * 100)} %`,
  ];
}
