/**
 * Whether an allow list holds the registry: an entry is `host[:port]`, compared exactly, or `*.domain[:port]`, which
 * stands for every host below the domain and not for the domain itself.
 */
export function isAllowedRegistry(registry: string, allow: readonly string[]): boolean {
  const host = registry.toLowerCase();
  return allow.some((entry) => matches(host, entry.toLowerCase()));
}

function matches(host: string, entry: string): boolean {
  if (!entry.startsWith('*.')) return host === entry;
  const suffix = entry.slice(1);
  return suffix.length > 1 && host.length > suffix.length && host.endsWith(suffix) && !host.startsWith('.');
}
