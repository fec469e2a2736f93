/**
 * The registry behind a Host header: an entry with a port is for that port alone, one without is for every port. Undefined for
 * all other hosts, and for a request without the header.
 */
export function makeVirtualHosts(
  hosts: ReadonlyMap<string, string>,
): (header: string | undefined) => string | undefined {
  return (header) => {
    if (header === undefined || hosts.size === 0) return undefined;
    const host = header.toLowerCase();
    return hosts.get(host) ?? hosts.get(host.replace(/:\d{1,5}$/, ''));
  };
}
