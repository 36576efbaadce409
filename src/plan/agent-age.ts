/**
 * The age of the files of the agent-based installer, which contain certificates and tokens that expire. Separate from
 * compiling, which has no clock. Pure.
 */
import { formatAge } from '../text/format.ts'
import { declaredImage } from './boot/installation.ts'
import type { PlanFinding } from './codes.ts'
import { bootSource, type Model } from './model.ts'

const hourMs = 3_600_000

/** By the first part of the file names: `agent` installs a cluster, and `node` adds nodes to a running one. */
const kinds = {
  agent: {
    lifetimeMs: 24 * hourMs,
    what: 'certificates',
    command: 'openshift-install agent create pxe-files',
  },
  node: { lifetimeMs: 48 * hourMs, what: 'token', command: 'oc adm node-image create --pxe' },
} as const

/** @param now milliseconds since 1970 */
export function agentFindings(model: Model, now: number): PlanFinding[] {
  const used = new Set(model.nodes.filter(({ boot }) => boot !== 'local').map(bootSource))
  return Object.keys(model.site.images).flatMap((name): PlanFinding[] => {
    const image = declaredImage(model, name)
    if (!used.has(name) || image.style !== 'agent' || image.madeAt === undefined) return []
    const { path } = image.initramfs
    const isForNodes = path.slice(path.lastIndexOf('/') + 1).startsWith('node.')
    const { lifetimeMs, what, command } = kinds[isForNodes ? 'node' : 'agent']
    const age = now - image.madeAt
    if (age < lifetimeMs) return []
    const message =
      `${path} is ${formatAge(age)} old, and its ${what} expired after ${lifetimeMs / hourMs} h: ` +
      `before you install nodes, create the files again with \`${command}\``
    return [{ code: 'image.agent-expired', severity: 'warning', about: `image ${name}`, message }]
  })
}
