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
  let bootstrap: object | undefined = sampleClusterStatus.bootstrap
  await page.route('**/v1/clusters', (route) =>
    route.fulfill({ json: shifted([{ ...sampleClusterStatus, bootstrap }]) }),
  )
  await page.route('**/v1/csrs', (route) => route.fulfill({ json: shifted(sampleClusters.csrs()) }))
  for (const path of ['bootstrap/*', 'csrs/*/approve']) {
    await page.route(`**/v1/clusters/*/${path}`, (route) => {
      const { pathname } = new URL(route.request().url())
      commands.push(`${route.request().method()} ${pathname}`)
      const kind = bootstrapKinds.get(pathname.slice(pathname.lastIndexOf('/') + 1))
      if (kind !== undefined) bootstrap = { kind, since: sampleNow, reason: 'set by an administrator' }
      return route.fulfill({ json: {} })
    })
  }
  return commands
}

/** The state of a bootstrap after each command. */
const bootstrapKinds = new Map([
  ['keep', 'kept'],
  ['watch', 'waiting'],
  ['out', 'out'],
])

/** Answers for the BMC of a node, in the browser. @returns the commands that the page sent */
export async function simulateBmc(page: Page): Promise<string[]> {
  const commands: string[] = []
  let power = 'on'
  await page.route('**/v1/page/nodes/**', async (route) => {
    const response = await route.fetch().catch(() => undefined)
    const answer = await response?.json().catch(() => undefined)
    // Undefined: the page was closed.
    if (answer !== undefined) await route.fulfill({ json: { ...answer, hasBmc: true } })
  })
  const report = () => {
    const machine = { manufacturer: 'Example', model: 'R1', health: 'OK', readAt: Date.now() }
    return { bmc: '192.0.2.31', protocol: 'redfish', isManaged: false, power, ...machine }
  }
  await page.route('**/v1/nodes/*/*/power', (route) => route.fulfill({ json: report() }))
  for (const path of ['power/*', 'install?power=true']) {
    await page.route(`**/v1/nodes/*/*/${path}`, (route) => {
      const { pathname, search } = new URL(route.request().url())
      commands.push(pathname.replace('/v1/nodes/', '') + search)
      power = pathname.endsWith('off') ? 'off' : 'on'
      return route.fulfill({ json: report() })
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
