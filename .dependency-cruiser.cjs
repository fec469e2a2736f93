// The arrows of ARCHITECTURE.md: errors <- reference <- policy, ledger <- check <- doors.
const DOORS = '^src/(admission|proxy|cli|web|controller)/';
const ADAPTERS = ['registry', 'rekor', 'store', 'kube'];
const PURE = ['errors', 'reference', 'policy', 'ledger', 'check', 'protocol'];

/** A folder may import itself and the folders named. */
function arrows(folder, allowed) {
  return {
    name: `${folder}-imports-only-${[folder, ...allowed].join('-')}`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
  };
}

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/main\\.ts$' },
      to: {},
    },
    arrows('errors', []),
    arrows('reference', ['errors']),
    arrows('policy', ['reference', 'errors']),
    arrows('ledger', ['reference', 'errors']),
    arrows('check', ['policy', 'ledger', 'reference', 'errors']),
    arrows('protocol', ['check', 'ledger', 'reference', 'errors', 'observe']),
    arrows('observe', ['errors']),
    arrows('cache', []),
    arrows('http', ['errors', 'observe']),
    ...ADAPTERS.map((adapter) =>
      arrows(adapter, [
        'check',
        'protocol',
        'policy',
        'ledger',
        'reference',
        'errors',
        'observe',
        'cache',
        'http',
      ]),
    ),
    arrows('config', ['policy', 'reference', 'errors']),
    {
      name: 'doors-import-no-adapter-and-no-other-door',
      severity: 'error',
      from: { path: DOORS },
      to: {
        path: '^src/',
        pathNot: '^src/($1|check|policy|ledger|reference|errors|observe|cache|http|config)/',
      },
    },
    {
      name: 'only-compose-and-main-import-compose',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|compose)\\.ts$|^src/compose/' },
      to: { path: '^src/(compose|main)' },
    },
    {
      name: 'pure-folders-use-no-node-module-but-crypto',
      severity: 'error',
      from: { path: `^src/(${PURE.join('|')})/` },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'pure-folders-use-no-package',
      comment: 'picomatch (globs) and canonicalize (RFC 8785) are pure functions; see docs/adr/0002',
      severity: 'error',
      from: { path: `^src/(${PURE.join('|')})/` },
      to: {
        path: 'node_modules',
        pathNot: 'node_modules/(picomatch|@types/picomatch|canonicalize)/',
      },
    },
    {
      name: 'express-in-doors-and-http-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(admission|proxy|http|web)/' },
      to: { path: 'node_modules/(@types/)?express/' },
    },
    {
      name: 'undici-in-adapters-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(registry|rekor|kube|compose)/' },
      to: { path: 'node_modules/undici/' },
    },
    {
      name: 'pg-in-the-store-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(@types/)?pg/' },
    },
    {
      name: 'client-node-in-kube-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kube/' },
      to: { path: 'node_modules/@kubernetes/' },
    },
    {
      name: 'aws-sdk-in-ambient-credentials-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/registry/ambient/' },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    {
      name: 'src-never-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    moduleSystems: ['es6', 'cjs'],
  },
};
