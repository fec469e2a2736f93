/** The public-good instances of Sigstore: what `log.kind` alone means. */
export const PUBLIC_GOOD = {
  // its operators allow some 500 requests a minute, for all that share an address
  'rekor-v1': { url: 'https://rekor.sigstore.dev', requestsPerMinute: 300 },
  'rekor-v2': { url: 'https://log2025-1.rekor.sigstore.dev', requestsPerMinute: 300 },
} as const;
