/** The code of an error of Node, undici or a driver, for example `ENOSPC`; undefined for every other value. */
export function systemCode(error: unknown): string | undefined {
  // not `instanceof Error`: an error may come from another realm
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
