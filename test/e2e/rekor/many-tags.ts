import type { FakeRegistry } from '../../support/fake-registry.ts';
import { makeImageContent } from '../../support/oci-content.ts';
import { proxied, type Served } from '../../support/serve.ts';

export interface ManyTags {
  readonly repository: string;
  /** Digest by tag. */
  readonly digests: ReadonlyMap<string, string>;
}

export interface Answer {
  readonly status: number;
  /** Of a 200, from the header. */
  readonly digest: string | undefined;
  readonly index: string | undefined;
  readonly isFirst: boolean;
  /** What a refusal says; a HEAD gets no text. */
  readonly refusal: string | undefined;
}

/** An image of its own under each of so many tags; nobody pulls further than the index. */
export function putTags(registry: FakeRegistry, repository: string, count: number): ManyTags {
  const digests = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const tag = `t${i}`;
    const { mediaType, bytes, digest } = makeImageContent({ text: `${repository}:${tag}` }).index;
    registry.content.putManifest(repository, tag, mediaType, bytes);
    digests.set(tag, digest);
  }
  return { repository, digests };
}

/** The manifest of a tag, asked of a running proxy. */
export async function askTag(
  { proxy }: Pick<Served, 'proxy'>,
  registry: FakeRegistry,
  { repository, tag, method = 'GET' }: { repository: string; tag: string; method?: 'GET' | 'HEAD' },
): Promise<Answer> {
  const url = proxied(proxy, registry.host, `${repository}/manifests/${tag}`);
  const answer = await fetch(url, { method });
  const text = await answer.text();
  return {
    status: answer.status,
    digest: answer.headers.get('docker-content-digest') ?? undefined,
    index: answer.headers.get('tlog-logindex') ?? undefined,
    isFirst: answer.headers.get('tlog-first-seen') === 'true',
    refusal: answer.ok ? undefined : text,
  };
}
