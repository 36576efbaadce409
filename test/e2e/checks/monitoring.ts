/**
 * A real Prometheus with the rules of config/monitoring, which reads slipway's metrics while faults happen. The times in
 * the rules are shortened; promtool tests them as they are.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual } from '../expect.ts'
import { addresses } from '../network.ts'
import { output, start } from '../process.ts'
import type { Check } from '../runner.ts'
import { waitUntil } from './client.ts'
import { invalidSite } from './reload.ts'

const folder = new URL('../../../config/monitoring/', import.meta.url).pathname
const port = 9090

type Alert = { readonly state: string; readonly labels: Readonly<Record<string, string>> }

export const monitoringChecks: readonly Check[] = [
  {
    name: 'monitoring: promtool accepts the alerting rules and passes their tests',
    async run() {
      await output(['promtool', 'check', 'rules', join(folder, 'alerts.yaml')])
      const tested = await output(['promtool', 'test', 'rules', 'alerts.test.yaml'], { cwd: folder })
      expectEqual(/FAILED/.test(tested), false, 'promtool reports a failure')
      return undefined
    },
  },
  {
    name: 'monitoring: Prometheus fires alerts while slipway serves an old site, and while it does not answer',
    limitMs: 60_000,
    async run(rig) {
      const dir = join(rig.dir, 'prometheus')
      await mkdir(dir, { recursive: true })
      const rules = await readFile(join(folder, 'alerts.yaml'), 'utf8')
      await writeFile(join(dir, 'alerts.yaml'), rules.replaceAll(/for: \w+/g, 'for: 0s'))
      // No slipway runs on the peer.
      const targets = [addresses.server, addresses.peer].map((address) => `"${address}:80"`).join(', ')
      await writeFile(
        join(dir, 'prometheus.yaml'),
        `\
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: slipway, static_configs: [{ targets: [${targets}] }] }]
`,
      )
      const options = ['--config.file', 'prometheus.yaml', '--storage.tsdb.path', 'data']
      const listen = `--web.listen-address=127.0.0.1:${port}`
      const command = ['sh', '-c', 'cd "$0" && exec "$@"', dir, 'prometheus', ...options, listen]
      const prometheus = start(rig.network.inside('server', ...command), {
        logFile: join(dir, 'prometheus.log'),
      })
      const isFiring = async (name: string, label: string): Promise<boolean> => {
        const url = `http://127.0.0.1:${port}/api/v1/alerts`
        const { status, stdout } = await rig.run('server', ['curl', '-sS', '-m', '5', url])
        if (status !== 0) return false
        const { data } = JSON.parse(stdout) as { data: { alerts: Alert[] } }
        return data.alerts.some(
          ({ state, labels }) =>
            state === 'firing' && labels['alertname'] === name && Object.values(labels).includes(label),
        )
      }
      try {
        await waitUntil(
          'SlipwayDown for the peer',
          () => isFiring('SlipwayDown', `${addresses.peer}:80`),
          30_000,
        )
        const text = await readFile(rig.site.sitePath, 'utf8')
        await writeFile(rig.site.sitePath, invalidSite(text))
        rig.server.process.signal('SIGHUP')
        const differs = (): Promise<boolean> => isFiring('SlipwayProblem', 'server.reload-rejected')
        await waitUntil('SlipwayProblem for the site file', differs, 15_000)
        await rig.site.write()
        rig.server.process.signal('SIGHUP')
        await waitUntil('the end of that alert', async () => !(await differs()), 15_000)
        return undefined
      } finally {
        await rig.site.write()
        await prometheus.stop()
      }
    },
  },
]
