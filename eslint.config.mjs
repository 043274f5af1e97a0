import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// Biome does what needs no types; here stands only what does.
export default defineConfig(
  { ignores: ['**/node_modules/', 'dist/', 'data/', 'coverage/', 'tests/fixtures/', '**/*.cjs', '**/*.mjs'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: {
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-misused-promises': [
        'error',
        // Express 5 takes async handlers.
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      // Knex: `as Row` is how a row gets its type, needed or not.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // What xss-scan lets through: of a condition it looks at one side only, and it believes these names.
    files: ['src/**/*.tsx'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'JSXElement:not(:has(> JSXOpeningElement > JSXAttribute[name.name="safe"])) > JSXExpressionContainer > ConditionalExpression > *.consequent:not(JSXElement, JSXFragment, Literal, Identifier[name="children"])',
          message:
            'Put conditional text into an element of its own, with `safe`: {a ? <span safe>{text}</span> : null}',
        },
        {
          selector: 'Identifier[name=/^(safe|escape)/]:not(ImportSpecifier > Identifier)',
          message: 'xss-scan takes a name that begins so for escaped text.',
        },
      ],
    },
  },
  {
    // Answers and rows are read loosely in tests: what they hold is what is being asserted.
    files: ['tests/**'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
