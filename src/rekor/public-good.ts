/** The public-good Rekor v1: what `log.kind` alone means. A v2 is found by the signing config, shard by shard. */
export const PUBLIC_REKOR_V1 = 'https://rekor.sigstore.dev';

/** Its operators allow some 500 requests a minute, for all that share an address. */
const REQUESTS_PER_MINUTE = 300;
const PUBLIC_HOST = /(?:^|\.)sigstore\.dev$/;

/** How fast to ask the log at this address unless a setting says so: as fast as one likes where it is one's own. */
export function defaultRequestsPerMinute(url: string): number | undefined {
  return PUBLIC_HOST.test(URL.parse(url)?.hostname ?? '') ? REQUESTS_PER_MINUTE : undefined;
}

/** The target of a TUF repository that names the shards of a Rekor v2; the public one names them beside its default. */
export function signingConfigTarget(isPublicMirror: boolean): string {
  return isPublicMirror ? 'signing_config_rekor_v2.v0.2.json' : 'signing_config.v0.2.json';
}
