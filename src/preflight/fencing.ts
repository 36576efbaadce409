/**
 * Compares the BMCs that install-config.yaml names for fencing with those of the site. A wrong one would switch off another
 * machine, and the cluster would learn it only when a master fails. Pure.
 */
import { parse } from 'yaml'
import { z } from 'zod'
import { bmcName, compileBmcs, resolveBmc, type BmcPlan } from '../plan/bmc.ts'
import type { PlanFinding } from '../plan/codes.ts'
import type { Model, NodeModel } from '../plan/model.ts'

const credential = z.looseObject({ hostname: z.string(), address: z.string().regex(/^[^\s/]|^\w+:\/\/./) })
const document = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  controlPlane: z
    .looseObject({ fencing: z.looseObject({ credentials: z.array(credential) }).optional() })
    .optional(),
})

export type Fencing = {
  readonly cluster: string
  readonly credentials: readonly { readonly hostname: string; readonly address: string }[]
}

/** @throws {Error} for text that is not an install-config.yaml; the message contains no secret */
export function readFencing(text: string): Fencing {
  let value: unknown
  try {
    value = parse(text)
  } catch {
    // The message of the parser quotes lines, which can contain a password.
    throw new Error('is not valid YAML: correct it')
  }
  const { data } = document.safeParse(value)
  if (data === undefined) {
    throw new Error('is not an install-config.yaml: check metadata.name and controlPlane.fencing.credentials')
  }
  const { fencing } = data.controlPlane ?? {}
  return {
    cluster: data.metadata.name,
    credentials: (fencing?.credentials ?? []).map(({ hostname, address }) => ({ hostname, address })),
  }
}

export function fencingFindings({ cluster, credentials }: Fencing, model: Model): PlanFinding[] {
  const masters = model.nodes.filter((node) => node.cluster === cluster && node.role === 'master')
  if (masters.length === 0) {
    const names = model.site.clusters.map(({ name }) => name).join(', ')
    return [differs(cluster, `install-config.yaml is for the cluster ${cluster}; the site has ${names}`)]
  }
  const bmcs = compileBmcs(model)
  const nodeOf = (hostname: string) =>
    masters.find(({ name, fqdn }) => hostname === name || hostname === fqdn)
  const isFenced = credentials.length > 0
  return [
    ...credentials.flatMap(({ hostname, address }) => compareBmc(hostname, address, nodeOf(hostname), bmcs)),
    ...masters
      .filter((node) => isFenced && !credentials.some(({ hostname }) => nodeOf(hostname) === node))
      .map(({ key, name }) =>
        differs(key, `controlPlane.fencing has no credentials of ${name}: add them to install-config.yaml`),
      ),
  ]

  function compareBmc(
    hostname: string,
    address: string,
    node: NodeModel | undefined,
    plans: ReadonlyMap<string, BmcPlan>,
  ): PlanFinding[] {
    if (node === undefined) {
      return [differs(cluster, `controlPlane.fencing names ${hostname}, which is not a master of the site`)]
    }
    const own = plans.get(node.key)
    if (own === undefined) return []
    const theirs = resolveBmc({ address })
    const isSame =
      own.host === theirs.host && own.port === theirs.port && isSameSystem(own.system, theirs.system)
    if (isSame) return []
    const text = `controlPlane.fencing has the BMC ${nameOf(theirs)} for ${hostname}, but the site has ${nameOf(own)}: correct the wrong one`
    return [differs(node.key, text)]
  }
}

function nameOf(bmc: Pick<BmcPlan, 'host' | 'port' | 'protocol' | 'isPlain' | 'system'>): string {
  return bmc.system === undefined ? bmcName(bmc) : `${bmcName(bmc)} (system ${idOf(bmc.system)})`
}

/** A BMC with a single system needs no id. */
function isSameSystem(own: string | undefined, theirs: string | undefined): boolean {
  return own === undefined || theirs === undefined || idOf(own) === idOf(theirs)
}

function idOf(system: string): string {
  return system.replace(/\/+$/, '').split('/').at(-1) as string
}

function differs(about: string, message: string): PlanFinding {
  return { code: 'cluster.fencing-differs', severity: 'error', about, message }
}
