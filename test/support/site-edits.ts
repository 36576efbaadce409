/** The changes of a site file for tests of the routes and of their clients: w9 can be added, and w1 removed. */
import type { SiteEditRoutesOptions } from '../../src/serve/control/site-edit-routes.ts'

const file = '/etc/slipway/site.yaml'
const effect = { file, base: 'abc', changes: { items: [], restart: [] }, troubles: [] }

const refused = (status: number, code: string, reason: string) =>
  Promise.resolve({ outcome: 'refused' as const, status, code, reasons: [reason] })

const bodyOf = (body: unknown) => (body ?? {}) as Readonly<Record<string, unknown>>

export const sampleSiteEdits: SiteEditRoutesOptions = {
  adoption: {
    adopt(body) {
      const { name, base } = bodyOf(body)
      if (name !== 'w9') return refused(400, 'server.bad-request', 'name must be a host name of one label')
      if (base !== undefined && base !== 'abc') return refused(409, 'server.site-changed', 'it has changed')
      const entry = '- { name: w9 }'
      return Promise.resolve({
        outcome: base === undefined ? ('planned' as const) : ('written' as const),
        ...{ node: 'ocp45/w9', line: 40, entry, ...effect, diff: [`+${entry}`] },
      })
    },
  },
  removal: {
    remove(body) {
      const { nodes, base, force } = bodyOf(body)
      const [name] = Array.isArray(nodes) ? (nodes as unknown[]) : []
      if (typeof name !== 'string') return refused(400, 'server.bad-request', 'nodes must be a list of names')
      const isMaster = name === 'm1'
      if (name !== 'w1' && !isMaster) {
        return refused(404, 'server.unknown-node', `the site does not declare a node ${name}`)
      }
      if (base !== undefined && base !== 'abc') return refused(409, 'server.site-changed', 'it has changed')
      const blockers = isMaster ? ['ocp45/m1 is a control-plane node'] : []
      if (base !== undefined && isMaster && force !== true)
        return refused(409, 'server.removal-refused', blockers.join())
      const node = `ocp45/${name}`
      return Promise.resolve({
        outcome: base === undefined ? ('planned' as const) : ('written' as const),
        ...{ keys: [node], nodes: [{ node, line: 30, manualSteps: [`power off ${node}`] }], blockers },
        ...{ ...effect, diff: [`-- { name: ${name} }`] },
      })
    },
  },
}
