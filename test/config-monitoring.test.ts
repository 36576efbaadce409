/** The alerting rules and the dashboard in config/monitoring; test/e2e/checks/monitoring.ts runs the rules in Prometheus. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'

const read = (name: string) => readFile(new URL(`../${name}`, import.meta.url), 'utf8')

/** Returns the metrics in the sources: literal names, and those of counters (`dns.queries` is `slipway_dns_queries_total`). */
async function knownMetrics(): Promise<ReadonlySet<string>> {
  const sources = ['src/metrics.ts', 'src/cluster/report.ts', 'src/serve/haproxy/servers.ts']
  const literal = (await Promise.all(sources.map(read)))
    .flatMap((text) => [...text.matchAll(/'(slipway_\w+)'/g)])
    .flatMap(([, name]) => name ?? [])
  const counters = ['dns.queries', 'tftp.requests', 'http.requests', 'http.image_octets', 'tftp.octets']
  return new Set([...literal, ...counters.map((name) => `slipway_${name.replace('.', '_')}_total`)])
}

const metricsIn = (text: string): string[] => [...new Set(text.match(/\bslipway_\w+/g))]

t.test('every metric of the rules and of the dashboard exists', async (t) => {
  const known = await knownMetrics()
  for (const file of ['alerts.yaml', 'dashboard.json']) {
    const used = metricsIn(await read(`config/monitoring/${file}`))
    t.ok(used.length > 5, file)
    t.same(
      used.filter((name) => !known.has(name)),
      [],
      file,
    )
  }
})

t.test('every alert has a severity, a summary, and a next step, and is tested', async (t) => {
  type Rule = { alert: string; labels: { severity: string }; annotations: Record<string, string> }
  const { groups } = parse(await read('config/monitoring/alerts.yaml')) as { groups: { rules: Rule[] }[] }
  const tests = await read('config/monitoring/alerts.test.yaml')
  for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
    t.match(labels.severity, /^(critical|warning)$/, alert)
    t.match(annotations, { summary: /./, description: /\.$/ }, alert)
    t.match(tests, alert)
  }
})

t.test('the panels of the dashboard do not overlap', async (t) => {
  type Panel = { title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number> }
  const { panels } = JSON.parse(await read('config/monitoring/dashboard.json')) as { panels: Panel[] }
  for (const [index, { title, gridPos: a }] of panels.entries()) {
    t.ok(a.x + a.w <= 24, title)
    for (const { title: other, gridPos: b } of panels.slice(index + 1)) {
      const isApart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
      t.ok(isApart, `${title}, ${other}`)
    }
  }
})
