import { describe, expect, it } from '@jest/globals';
import { textOf } from '../support/markdown.ts';

const textOfChart = (file: string) => textOf(`charts/tagseal/${file}`);

describe('the Dockerfile', () => {
  const dockerfile = textOf('Dockerfile');

  it('runs the program by the node that the chart’s Jobs run their scripts by', () => {
    const [, node] = /^ENTRYPOINT \["([^"]+)", "\/app\/tagseal\.cjs"\]$/m.exec(dockerfile) ?? [];
    expect(node).toBeDefined();
    expect(textOfChart('templates/_script.tpl')).toContain(`command: [${node ?? ''}]`);
  });

  it('runs as the user that the chart asks for', () => {
    const [, user] = /^USER (\d+):\d+$/m.exec(dockerfile) ?? [];
    expect(textOfChart('values.yaml')).toContain(`runAsUser: ${user ?? 'none'}`);
  });

  it('gives the program the environment that the systemd unit and the bench give it', () => {
    const pairs = [...dockerfile.matchAll(/^ENV (\S+)$/gm)].map(([, pair = '']) => pair);
    const [, inUnit = ''] = /^Environment=(.+)$/m.exec(textOf('examples/systemd/tagseal.service')) ?? [];
    expect(pairs.length).toBeGreaterThan(0);
    expect(inUnit.split(' ')).toEqual(pairs);
    const bench = textOf('bench/proxy/parts.ts');
    for (const pair of pairs) expect(bench).toContain(pair.replace('=', ": '"));
  });

  it('copies only what .dockerignore lets in', () => {
    const allowed = textOf('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copied.toSorted()).toEqual(allowed.toSorted());
  });
});

describe('the dashboard and the alerts of the chart', () => {
  const documented = [...textOf('docs/metrics.md').matchAll(/^\| `(tagseal_[a-z_]+)`/gm)].map(
    ([, name]) => name,
  );

  it.each(['files/dashboard.json', 'files/alerts.yaml'])('%s names only metrics that there are', (file) => {
    const named = [...textOfChart(file).matchAll(/\btagseal_[a-z_]+/g)].map(([name]) =>
      name.replace(/_bucket$/, ''),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !documented.includes(name))).toEqual([]);
  });
});
