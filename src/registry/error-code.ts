/** The `code` of an error of Node or of undici, of whatever realm; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // undici gives its parser's errors a code only sometimes
  return 'name' in error && error.name === 'HTTPParserError' ? 'HPE_INVALID' : undefined;
}
