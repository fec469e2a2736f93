import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const onlyConfigReads = {
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'env', message: 'only src/config reads the environment' },
    { object: 'process', property: 'argv', message: 'only src/main.ts and src/config read argv' },
  ],
};

const noHiddenInputs = {
  'no-restricted-syntax': [
    'error',
    {
      selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
      message: 'inject a Clock',
    },
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'inject a Clock' },
    {
      selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
      message: 'inject randomness',
    },
    { selector: 'ExportAllDeclaration', message: 'no barrels: import the file that owns the name' },
    { selector: 'TSNonNullExpression', message: 'no `!`: narrow instead' },
    { selector: 'TSEnumDeclaration', message: 'no enum: use a union of string literals' },
  ],
};

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      'no-console': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // `const { secret, ...rest }` is how a field is left out
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      // a literal union stays readable when a wider string is allowed beside it
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      // an adapter may be async to satisfy its port although it awaits nothing
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 300 }],
      ...noHiddenInputs,
      ...onlyConfigReads,
    },
  },
  {
    files: ['src/main.ts', 'src/config/**/*.ts', 'src/observe/clock.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 500 }],
      'no-console': 'off',
      complexity: 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test'], package: '@jest/globals' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', Buffer: 'readonly' },
    },
  },
);
