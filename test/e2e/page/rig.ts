/** The environment of the checks of the page. */
import { sampleClusterStatus, sampleClusters, now as sampleNow } from '../../support/sample-nodes.ts'
import { startBrowser, type Browser, type Page } from './browser.ts'
import { startRack, type RackServer } from './server.ts'

export type PageRig = {
  readonly rack: RackServer
  readonly browser: Browser
  /** A token that may operate. */
  readonly token: string
  readonly server: Pick<RackServer, 'tail'>
  readonly network: { inside(name: never, ...command: string[]): string[] }
  close(): Promise<void>
}

export async function createPageRig(): Promise<PageRig> {
  const rack = await startRack(9)
  const browser = await startBrowser(rack.url)
  return {
    rack,
    browser,
    token: await rack.token('operate'),
    server: rack,
    network: { inside: (_, ...command) => command },
    async close() {
      await browser.close()
      await rack.close()
    },
  }
}

/**
 * Answers for a cluster during its installation, in the browser: a control plane on loopback would need the addresses of
 * the site. @returns the commands that the page sent
 */
export async function simulateCluster(page: Page): Promise<string[]> {
  const commands: string[] = []
  const shifted = (value: unknown): unknown => shift(value, Date.now() - sampleNow)
  await page.route('**/v1/clusters', (route) => route.fulfill({ json: shifted([sampleClusterStatus]) }))
  await page.route('**/v1/csrs', (route) => route.fulfill({ json: shifted(sampleClusters.csrs()) }))
  for (const path of ['bootstrap/*', 'csrs/*/approve']) {
    await page.route(`**/v1/clusters/*/${path}`, (route) => {
      commands.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`)
      return route.fulfill({ json: {} })
    })
  }
  return commands
}

/** Moves all times; no other number is as large. */
function shift(value: unknown, ms: number): unknown {
  if (typeof value === 'number') return value > 1e12 ? value + ms : value
  if (Array.isArray(value)) return value.map((each) => shift(each, ms))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shift(each, ms)]))
}
