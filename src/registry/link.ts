/** Parameters of a page of a listing, as the registry wants them back. */
export type PageQuery = Readonly<Record<string, string>>;

/** `n` and `last` are the specification's; the others are what registries write into their links instead. */
const PAGE_PARAMETERS: ReadonlySet<string> = new Set(['n', 'last', 'next', 'next_page', 'after']);
const MAX_VALUE = 1024;
const MAX_LINK = 8 * 1024;
const NEXT = /<([^<>]{1,4096})>[^,]*;[ \t]*rel="?next"?(?=[ \t]*(?:[;,]|$))/i;

/**
 * The query of the next page that a `Link: <…>; rel="next"` names (RFC 8288); undefined when there is none. `elsewhere` when it
 * leads anywhere but to the listing that was asked, or says in no known way which page it is.
 */
export function nextPage(links: readonly string[], asked: URL): PageQuery | 'elsewhere' | undefined {
  const target = links.flatMap((link) => NEXT.exec(link.slice(0, MAX_LINK))?.[1] ?? [])[0];
  if (target === undefined) return undefined;
  const url = URL.parse(target, asked.href);
  // host and scheme are not looked at: behind a gateway they are often wrong, and nobody goes there
  if (url === null || url.pathname !== asked.pathname) return 'elsewhere';
  const query = pageQuery(url.searchParams);
  return Object.keys(query).length === 0 ? 'elsewhere' : query;
}

/** The parameters of a query that say which page is meant; all others are left out. */
export function pageQuery(parameters: URLSearchParams): PageQuery {
  const known = [...parameters].filter(
    ([name, value]) => PAGE_PARAMETERS.has(name) && value.length <= MAX_VALUE,
  );
  return Object.fromEntries(known);
}
