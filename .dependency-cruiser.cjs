// Import rules: which folder may import from which. `npm run graph` enforces them. Every folder may import src/text.
const allow = {
  text: [],
  proto: [],
  site: ['proto'],
  plan: ['site', 'proto'],
  host: ['proto'],
  import: ['site', 'proto'],
  scan: ['plan', 'site', 'proto', 'host'],
  images: ['plan', 'site', 'proto', 'host'],
  install: ['plan', 'site', 'proto', 'host'],
  cluster: ['plan', 'site', 'proto', 'host', 'install'],
  assisted: ['plan', 'site', 'proto', 'host', 'install', 'images'],
  bmc: ['plan', 'site', 'proto', 'host'],
  inventory: ['plan', 'proto', 'host'],
  serve: ['plan', 'proto', 'host', 'install', 'bmc', 'inventory'],
  simulate: ['plan', 'site', 'proto', 'host'],
  drift: ['plan', 'site', 'proto', 'host'],
  explain: ['plan', 'site', 'proto', 'serve', 'simulate', 'host', 'install', 'bmc'],
  preflight: ['plan', 'site', 'proto', 'serve', 'simulate', 'host', 'scan', 'images', 'drift', 'bmc'],
  demo: ['plan', 'site', 'proto', 'host', 'scan'],
}

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/main\\.ts$' }, to: {} },
    ...Object.entries(allow).map(([from, to]) => ({
      name: `${from}-imports-only-${to.join('+') || 'itself'}`,
      severity: 'error',
      from: { path: `^src/${from}/` },
      to: { path: '^src/', pathNot: `^src/(${[from, 'text', ...to].join('|')})/` },
    })),
    {
      name: 'pure-core',
      comment: 'code that makes decisions must not touch the machine',
      severity: 'error',
      from: { path: '^src/(text|proto|site|plan|import)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'cli-text-is-pure',
      comment: 'text formats data; commands parse arguments and do the work',
      severity: 'error',
      from: { path: '^src/cli/text/' },
      to: { path: '^src/cli/', pathNot: '^src/cli/text/' },
    },
    {
      name: 'services-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/serve/([^/]+)/' },
      to: { path: '^src/serve/([^/]+)/', pathNot: '^src/serve/$1/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}
