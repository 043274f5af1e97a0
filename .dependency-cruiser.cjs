// HOUSE.md: platform ← domain, gateways ← usecases ← api, portal, console, admin, webhooks, jobs ← app ← main

const SURFACES = '^(src/(api|portal|console|admin)/|webhooks/|src/jobs\\.ts$)';
const QUERY = '\\.query\\.tsx?$';
const OURS = '^(src|webhooks|migrations|tests)/';

/** `from` may import of ours nothing but `allowed` (and its own kind, where that is allowed too). */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from,
  to: { path: OURS, pathNot: allowed },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that import each other are one file, or miss a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only(
      'platform-stands-alone',
      { path: '^src/platform/' },
      ['^src/platform/'],
      'Platform imports nothing of ours.',
    ),
    only(
      'locales-stand-alone',
      { path: '^src/locales/' },
      ['^src/locales/', '^src/platform/'],
      'Texts import nothing but platform.',
    ),
    only(
      'ui-uses-platform-and-locales',
      { path: '^src/ui/' },
      ['^src/ui/', '^src/platform/', '^src/locales/'],
      'What pages share knows no business.',
    ),
    only(
      'domain-uses-platform',
      { path: '^src/domain/([^/]+)/' },
      ['^src/platform/', '^src/domain/$1/'],
      'A domain never imports another domain: a use case brings them together.',
    ),
    only(
      'gateway-uses-platform',
      { path: '^src/gateways/([^/]+)/' },
      ['^src/platform/', '^src/gateways/$1/'],
      'A gateway has no tables and knows no domain.',
    ),
    only(
      'usecase-uses-platform-domain-gateways',
      { path: '^src/usecases/' },
      ['^src/platform/', '^src/domain/', '^src/gateways/', '^src/usecases/', '^src/locales/'],
      'A use case knows nobody who calls it.',
    ),
    only(
      'query-reads-only',
      { path: '^(src/[^/]+)/.*\\.query\\.tsx?$' },
      ['^src/platform/', '^src/domain/', '^$1/.*\\.query\\.tsx?$'],
      'A query reads across domains; it neither changes anything nor shows anything.',
    ),
    only(
      'surface-uses-what-is-below',
      { path: '^src/(api|portal|console|admin)/', pathNot: QUERY },
      [
        '^src/platform/',
        '^src/domain/',
        '^src/gateways/',
        '^src/usecases/',
        '^src/ui/',
        '^src/locales/',
        '^src/$1/',
      ],
      'api, portal, console and admin never import each other.',
    ),
    only(
      'webhooks-use-what-is-below',
      { path: '^webhooks/' },
      ['^src/platform/', '^src/domain/', '^src/gateways/', '^src/usecases/', '^webhooks/'],
      'A webhook stores what came in.',
    ),
    only(
      'jobs-use-what-is-below',
      { path: '^src/jobs\\.ts$' },
      ['^src/platform/', '^src/domain/', '^src/gateways/', '^src/usecases/'],
      'A job calls a use case.',
    ),
    only(
      'config-uses-platform',
      { path: '^src/config\\.ts$' },
      ['^src/platform/'],
      'Configuration knows no business.',
    ),
    only(
      'migrations-use-platform',
      { path: '^migrations/' },
      ['^src/platform/'],
      'A migration must mean the same in ten years: it imports no business code.',
    ),
    {
      name: 'ui-is-for-pages',
      comment: 'Only portal, console and admin draw pages.',
      severity: 'error',
      from: { path: '^(src|webhooks)/', pathNot: ['^src/(ui|portal|console|admin)/', '^src/app\\.ts$'] },
      to: { path: '^src/ui/' },
    },
    {
      name: 'domain-through-its-door',
      comment: 'Another folder is entered through its index.ts.',
      severity: 'error',
      from: { path: '^(src|webhooks|migrations)/', pathNot: '^src/domain/' },
      to: { path: '^src/domain/', pathNot: '^src/domain/[^/]+/index\\.ts$' },
    },
    {
      name: 'gateway-through-its-door',
      comment: 'A gateway is known by gateway.ts; its transports are chosen behind index.ts.',
      severity: 'error',
      from: { path: '^(src|webhooks|migrations)/', pathNot: '^src/gateways/' },
      to: { path: '^src/gateways/', pathNot: '^src/gateways/[^/]+/(index|gateway)\\.ts$' },
    },
    {
      name: 'only-app-composes',
      comment: 'app.ts is the one composition root.',
      severity: 'error',
      from: { path: '^(src|webhooks)/', pathNot: ['^src/app\\.ts$', SURFACES] },
      to: { path: SURFACES },
    },
    {
      name: 'only-starters-import-app',
      severity: 'error',
      from: { path: '^(src|webhooks|migrations)/', pathNot: '^src/(main|demo|cli)\\.ts$' },
      to: { path: '^src/(app|main|demo|cli)\\.ts$' },
    },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: '^(src|webhooks|migrations)/' },
      to: { path: '^tests/' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      comment: '`npm ci --omit=dev` must still run.',
      severity: 'error',
      from: { path: '^(src|webhooks|migrations)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.check.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'default', 'types'],
    },
  },
};
