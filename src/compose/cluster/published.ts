import type { Config } from '../../config/config.ts';
import { policySource } from '../../policy/policy-source.ts';
import { trustedRootFor } from '../../rekor/trusted-root.ts';
import { VERSION } from '../../version.ts';
import type { Core } from '../core.ts';

/** Keys of the ConfigMap. */
export const PUBLIC_FILES = { facts: 'tagseal.json', trustedRoot: 'trusted_root.json' } as const;

/**
 * What a verifier without any secret needs to know of this installation, as the texts of its public ConfigMap:
 * `tagseal.json` for `kubectl tagseal` (`parsePublished` reads it), `trusted_root.json` for other tools, too.
 */
export function publishedTexts(
  config: Config,
  { evidence, log, sigstore }: Pick<Core, 'evidence' | 'log' | 'sigstore'>,
): Readonly<Record<string, string>> {
  const { scope, privacy, policy, registries } = config;
  const { keys, identities, logs } = evidence;
  const { kind, url, origin } = log.writer.identity;
  const facts = {
    version: VERSION,
    scope,
    privacy,
    log: { kind, url, origin },
    // what its proofs must lead to: the shard in use first
    logs: logs.map(({ origin: of, spki, validFor }) => ({ origin: of, spki, ...(validFor && { validFor }) })),
    keys,
    identities: identities.map(({ san, issuer }) => ({ identity: san, issuer })),
    registries: { plainHttp: registries.plainHttp },
    policies: policySource(policy),
  };
  return {
    [PUBLIC_FILES.facts]: toText(facts),
    [PUBLIC_FILES.trustedRoot]: toText(trustedRootFor(logs[0], sigstore)),
  };
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
