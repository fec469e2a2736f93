import { describe, expect, it } from '@jest/globals';
import { makeMetrics } from '../../../src/observe/metrics.ts';

describe('makeMetrics', () => {
  it('counts verdicts by door, verdict and reason', async () => {
    const metrics = makeMetrics({ version: '1.2.3', processMetrics: false });
    metrics.countVerdict('mutate', 'deny', 'TAG_MOVED');
    metrics.countVerdict('mutate', 'deny', 'TAG_MOVED');
    await metrics.render();
    metrics.countVerdict('mutate', 'deny', 'TAG_MOVED');
    const { text } = await metrics.render();
    expect(text).toContain('tagseal_verdicts_total{door="mutate",verdict="deny",reason="TAG_MOVED"} 3');
  });

  it('passes every admission on to the histogram, however many', async () => {
    const metrics = makeMetrics({ version: '1.2.3', processMetrics: false });
    for (let i = 0; i < 300; i += 1) metrics.observeAdmission('warn', 0.002);
    const { text } = await metrics.render();
    expect(text).toContain('tagseal_admission_duration_seconds_count{door="warn"} 300');
    expect(text).toContain('tagseal_admission_duration_seconds_bucket{le="0.0025",door="warn"} 300');
  });

  it('names every instrument as documented', async () => {
    const metrics = makeMetrics({ version: '1.2.3', processMetrics: false });
    metrics.countProxyRequest('blob', 307);
    metrics.countRegistryRequest('HEAD', 'REGISTRY_RATE_LIMITED');
    metrics.countLogRequest('embedded', 'submit', 'ok');
    metrics.countRecord('recorded');
    const { text, contentType } = await metrics.render();
    expect(contentType).toContain('text/plain');
    expect(text).toContain('tagseal_proxy_requests_total{kind="blob",status="307"} 1');
    expect(text).toContain(
      'tagseal_registry_requests_total{method="HEAD",outcome="REGISTRY_RATE_LIMITED"} 1',
    );
    expect(text).toContain('tagseal_log_requests_total{log="embedded",operation="submit",outcome="ok"} 1');
    expect(text).toContain('tagseal_records_total{outcome="recorded"} 1');
    expect(text).toContain('tagseal_build_info{version="1.2.3"} 1');
  });

  it('keeps two of them apart in one process', async () => {
    const first = makeMetrics({ version: '1', processMetrics: true });
    const second = makeMetrics({ version: '2', processMetrics: true });
    first.countRecord('failed');
    expect((await second.render()).text).not.toContain('outcome="failed"');
  });
});
