import { stringify } from 'yaml';

/** Rows of "Suggested alerts" in docs/metrics.md: title, expression, what to do. */
const ROW = /^\| (?<title>[^|`]+?) +\| `(?<expression>(?:[^|\\]|\\.)+)` +\| (?<action>.+?) +\|$/;

/** Prometheus alerting rules of the chart: those of docs/metrics.md, YAML. Throws where there are none. */
export function alertRules(metricsDoc: string): string {
  const [, section = ''] = metricsDoc.split('## Suggested alerts');
  const rules = section.split('\n').flatMap((line) => {
    const { title, expression, action } = ROW.exec(line)?.groups ?? {};
    if (title === undefined || expression === undefined || action === undefined) return [];
    return [ruleOf(title, expression.replaceAll('\\|', '|'), action)];
  });
  if (rules.length === 0) throw new Error('no alerts in docs/metrics.md');
  return `# written by npm run docs from docs/metrics.md\n${stringify(rules, { lineWidth: 0 })}`;
}

function ruleOf(title: string, expression: string, action: string) {
  const name = title.replace(/^(?:a|the|Tagseal) /, '');
  return {
    alert: `Tagseal${name.replaceAll(/(?:^|\s+)(\w)/g, (_all, letter: string) => letter.toUpperCase())}`,
    expr: expression,
    // an increase tells of something that has happened already
    ...(!expression.startsWith('increase(') && { for: '5m' }),
    labels: { severity: /\bpage\b/.test(action) ? 'critical' : 'warning' },
    annotations: {
      summary: title,
      description: action.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', ''),
    },
  };
}
