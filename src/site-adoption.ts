/** Adds a machine to the site file for a client of the API ({@link createSiteChange}). */
import { parseIp } from './proto/address/ip.ts'
import { parseMac } from './proto/address/mac.ts'
import { nodeImageAdvice } from './scan/node-image.ts'
import type { Adoption } from './site/edit/add.ts'
import {
  createSiteChange,
  refusedChange,
  type RefusedChange,
  type SiteChangeOptions,
  type SiteEffect,
} from './site-change.ts'
import { defined } from './text/defined.ts'

export type AdoptionResult =
  | RefusedChange
  | (SiteEffect & {
      /** `planned`: nothing is written yet. `present`: the site file has the node already. */
      readonly outcome: 'planned' | 'written' | 'present'
      readonly node: string
      readonly line: number
      /** The lines for the site file. */
      readonly entry: string
      /** The command that creates the boot files of the node, for an image with files of the agent-based installer. */
      readonly imageCommand?: string
    })

export type SiteAdoption = {
  /** @param body as the client sent it: a node, and `base` to write it @param by the user */
  adopt(body: unknown, by: string): Promise<AdoptionResult>
}

export function createSiteAdoption(options: SiteChangeOptions): SiteAdoption {
  const site = createSiteChange(options)

  async function adopt(body: unknown, by: string): Promise<AdoptionResult> {
    const request = await readRequest(body)
    if ('outcome' in request) return request
    const { adoption, base } = request
    const { addNode } = await import('./site/edit/add.ts')
    const changed = await site.change((text, file) => addNode(text, file, adoption), base)
    if (changed.outcome === 'refused') return changed
    const { edit, effect } = changed
    const { key: node, line, entry } = edit
    const outcome = edit.kind === 'present' ? 'present' : changed.outcome
    if (outcome === 'written') {
      options.log.info({ node, file: effect.file, line, user: by }, 'node added to the site file')
    }
    const imageCommand = await nodeImageAdvice(edit.site, adoption.cluster, adoption.macs)
    return { outcome, node, line, entry, ...effect, ...defined({ imageCommand }) }
  }

  return { adopt }
}

type Request = { readonly adoption: Adoption; readonly base: string | undefined }

async function readRequest(body: unknown): Promise<Request | RefusedChange> {
  const wrong = (reason: string, status: 400 | 409 = 400) =>
    refusedChange('server.bad-request', [reason], status)
  if (typeof body !== 'object' || body === null) return wrong('the body must be a JSON object')
  const { name, role, macs, addresses, disk, cluster, base } = body as Record<string, unknown>
  const { roles } = await import('./site/schema.ts')
  const known = roles.find((each) => each === role)
  if (known === undefined && (role !== undefined || cluster === undefined)) {
    return wrong(
      `role must be one of ${roles.join(', ')}; omit it for a machine of the group that cluster names`,
    )
  }
  if (typeof name !== 'string') return wrong('name must be a host name of one label')
  if (!isList(macs, (mac) => parseMac(mac) !== undefined))
    return wrong('macs must be a list of MAC addresses', 409)
  if (!isList(addresses, (address) => parseIp(address) !== undefined))
    return wrong('addresses must be a list of IP addresses', 409)
  if (cluster !== undefined && typeof cluster !== 'string') return wrong('cluster must be a name')
  if (base !== undefined && typeof base !== 'string') return wrong('base must be a text')
  const { diskSettings } = await import('./site/disk-section.ts')
  const disks = diskSettings.disk.safeParse(disk)
  if (!disks.success) {
    const isForm =
      typeof disk === 'string' || (typeof disk === 'object' && disk !== null && !Array.isArray(disk))
    return wrong('disk must be the path of a disk, or a map of hints', isForm ? 409 : 400)
  }
  const texts = macs.map((mac) => parseMac(mac) as string)
  return { adoption: { name, role: known, macs: texts, addresses, disk: disks.data, cluster }, base }
}

function isList(value: unknown, isValid: (text: string) => boolean): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === 'string' && isValid(each))
  )
}
