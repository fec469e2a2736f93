/** Equals `version` in package.json; a constant, because the bundle has no package.json beside it. */
export const VERSION = '0.1.0';
