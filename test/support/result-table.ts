/** What became of each cell of a matrix of tests; printed when all have run, so that a person sees what was shown. */
export interface ResultTable {
  /** Runs the test of one cell and notes how it ended. */
  cell(row: string, column: string, run: () => Promise<void>): Promise<void>;
  /** Notes why a cell cannot be run. */
  none(row: string, column: string, why: string): void;
  /** Every cell, also those that never ran, and below them the reasons of those that cannot be run. */
  text(): string;
}

const NOT_RUN = 'not run';

export function makeResultTable(rows: readonly string[], columns: readonly string[]): ResultTable {
  const results = new Map<string, string>();
  const reasons: string[] = [];
  const resultOf = (row: string, column: string) => results.get(`${row} ${column}`) ?? NOT_RUN;
  return {
    async cell(row, column, run) {
      results.set(`${row} ${column}`, 'FAILED');
      await run();
      results.set(`${row} ${column}`, 'ok');
    },
    none(row, column, why) {
      if (!reasons.includes(why)) reasons.push(why);
      results.set(`${row} ${column}`, `(${reasons.indexOf(why) + 1})`);
    },
    text() {
      const lines = [['', ...columns], ...rows.map((row) => [row, ...columns.map((c) => resultOf(row, c))])];
      const widths = ['', ...columns].map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
      const cells = lines.map((line) => line.map((text, i) => text.padEnd(widths[i] ?? 0)).join('  '));
      return [...cells, ...reasons.map((why, i) => `(${i + 1}) ${why}`)].join('\n');
    },
  };
}
