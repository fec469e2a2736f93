// jest transform: Node's own type stripping keeps columns, so no source maps are needed.
import { createHash } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';

export function process(source, path) {
  try {
    return { code: stripTypeScriptTypes(source) };
  } catch (error) {
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
}

export function getCacheKey(source, path, options) {
  return createHash('sha256')
    .update([globalThis.process.version, options.configString, path, source].join('\0'))
    .digest('hex');
}

export default { process, getCacheKey };
