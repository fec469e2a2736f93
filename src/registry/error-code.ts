import { systemCode } from '../errors/system-code.ts';

/** The `code` of an error of Node or of undici, of whatever realm; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  const code = systemCode(error);
  if (code !== undefined || typeof error !== 'object' || error === null) return code;
  // undici gives its parser's errors a code only sometimes
  return 'name' in error && error.name === 'HTTPParserError' ? 'HPE_INVALID' : undefined;
}
