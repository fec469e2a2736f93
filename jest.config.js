// Node 24.15 is the first that jest can use with the ESM packages of Sigstore; npm scripts bring it themselves.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  throw new Error(
    `the tests need Node 24.15 or newer and this is ${process.versions.node}: run them with "npm test"`,
  );
}

export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/{unit,contract,integration,conformance,architecture}/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  reporters: ['default', '<rootDir>/test/support/closing-line-reporter.mjs'],
  testTimeout: 90_000,
};
