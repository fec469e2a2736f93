import { createHash } from 'node:crypto';

/** An image text and what it means at its registry. */
export interface KnownImage {
  readonly text: string;
  readonly digest: string;
}

/** `team-3/service-43:v1.43.1`: repository and tag of the image number `i`. */
export function nameOf(i: number): string {
  return `team-${i % 40}/service-${i}:v1.${i % 90}.${i % 7}`;
}

/** The bytes of its manifest: a small index, each of its own digest. */
export function manifestOf(i: number): Buffer {
  const platform = (architecture: string) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${createHash('sha256').update(`${architecture} ${i}`).digest('hex')}`,
    size: 1234,
    platform: { architecture, os: 'linux' },
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [platform('amd64'), platform('arm64')],
    }),
  );
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function knownImages(registry: string, count: number): readonly KnownImage[] {
  return Array.from({ length: count }, (_, i) => ({
    text: `${registry}/${nameOf(i)}`,
    digest: digestOf(manifestOf(i)),
  }));
}
