import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AddressGuard } from './address-guard.ts';
import type { Hosts } from './hosts.ts';
import { toSendError } from './send-error.ts';
import type { Answer } from './send.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_LOCATION = 8 * 1024;

export function isRedirect(answer: Answer): boolean {
  return REDIRECTS.has(answer.status);
}

/**
 * Where a redirect leads: https or a `plainHttp` host, no user information, no forbidden literal address unless the
 * configuration names both that host and the one that sends us there. Throws
 * REGISTRY_ANSWER_INVALID, ADDRESS_FORBIDDEN.
 */
export function redirectTarget(
  answer: Answer,
  aim: string,
  { hosts, guard }: { readonly hosts: Hosts; readonly guard: AddressGuard },
): URL {
  const location = answer.header('location') ?? '';
  const url = location === '' || location.length > MAX_LOCATION ? null : URL.parse(location, answer.url.href);
  if (url === null || url.username !== '' || url.password !== '') {
    throw new AppError({
      code: 'REGISTRY_ANSWER_INVALID',
      message: `${aim}: ${quote(answer.url.host)} answers ${answer.status} without a usable Location; check what answers under this host name`,
    });
  }
  if (!hosts.mayCall(url)) {
    throw new AppError({
      code: 'ADDRESS_FORBIDDEN',
      message: `${aim}: ${quote(answer.url.host)} redirects to ${quote(`${url.protocol}//${url.host}`)}, which is not https; name that host in registries.plainHttp if it is meant`,
    });
  }
  if (!hosts.isNamed(url) || !hosts.isNamed(answer.url)) checkAddress(url, answer, aim, guard);
  return url;
}

function checkAddress(url: URL, { url: { host } }: Answer, aim: string, guard: AddressGuard): void {
  try {
    guard.checkLiteral(url);
  } catch (error) {
    throw toSendError(error, url.host, `${aim}: ${quote(host)} redirects to ${quote(url.origin)}`);
  }
}
