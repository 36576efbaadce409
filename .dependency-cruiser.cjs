// The house's import rules: which room may use which. `npm run graph` enforces them.
const allow = {
  proto: [],
  site: ['proto'],
  plan: ['site', 'proto'],
  host: ['proto'],
  survey: ['plan', 'site', 'proto', 'host'],
  images: ['plan', 'site', 'proto', 'host'],
  install: ['plan', 'site', 'proto', 'host'],
  cluster: ['plan', 'site', 'proto', 'host', 'install'],
  serve: ['plan', 'proto', 'host', 'install'],
  simulate: ['plan', 'site', 'proto', 'host'],
  demo: ['plan', 'site', 'proto', 'host', 'survey'],
}

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/main\\.ts$' }, to: {} },
    ...Object.entries(allow).map(([from, to]) => ({
      name: `${from}-imports-only-${to.join('+') || 'itself'}`,
      severity: 'error',
      from: { path: `^src/${from}/` },
      to: { path: '^src/', pathNot: `^src/(${[from, ...to].join('|')})/` },
    })),
    {
      name: 'pure-core',
      comment: 'what decides must not touch the machine',
      severity: 'error',
      from: { path: '^src/(proto|site|plan)/' },
      to: { dependencyTypes: ['core'] },
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
