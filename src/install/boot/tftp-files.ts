/**
 * The files that TFTP creates for one node: the first configuration of its loader, boot scripts, and the files of images. The client
 * must have the address of the node, and its declared MAC address where the kernel knows that.
 */
import type { ReadNeighbor } from '../../host/neighbors.ts'
import type { ImageFileKind } from '../../plan/facts.ts'
import type { BootEntry, HttpPlan } from '../../plan/http/plan.ts'
import { defined } from '../../text/defined.ts'
import { macsText } from '../../plan/model.ts'
import type { ScriptName } from '../../plan/urls.ts'
import { answerBoot, scriptText, type AnswerTools } from './answer.ts'
import { entryFor, isFirmwareEntry, readBootName } from '../../plan/boot/names.ts'

export type NodeFile =
  | { readonly kind: 'text'; readonly text: string | Uint8Array }
  /** A file on disk that belongs to an image. */
  | {
      readonly kind: 'image'
      readonly path: string
      readonly dir: string
      readonly what: ImageFileKind
      readonly name: string
    }
  /** `reason`: a sentence for the log. */
  | { readonly kind: 'refused'; readonly reason: string }

export type TftpFilesOptions = Pick<AnswerTools, 'installs' | 'observe' | 'fetchedScript'> & {
  readonly plan: () => HttpPlan
  readonly readNeighbor: ReadNeighbor
}

export type TftpFiles = {
  /** Returns nothing for names of other files. @param address of the client */
  find(name: string, address: string): Promise<NodeFile | undefined>
}

export function createTftpFiles(options: TftpFilesOptions): TftpFiles {
  const { installs, observe, readNeighbor, fetchedScript } = options

  /** Explains why a client is not the node. */
  async function mismatchOf(node: BootEntry, address: string, plan: HttpPlan): Promise<string | undefined> {
    if (node.isOpen) return undefined
    if (plan.nodeByAddress.get(address) !== node.key) return `${address} is not an address of ${node.key}`
    const mac = await readNeighbor(address)
    if (mac === undefined || [node.mac, ...(node.otherMacs ?? [])].some((each) => each === mac))
      return undefined
    return `${address} has the MAC address ${mac}, but ${node.key} is declared with ${macsText(node)}`
  }

  async function scriptFor(plan: HttpPlan, node: BootEntry, script: ScriptName): Promise<string | undefined> {
    const { name, role, syntax, isSkipping } = script
    if (name === 'menu' || name === 'local') {
      const known = plan.scripts.get(`/boot/${node.key}/${name}.ipxe`)
      return known && scriptText(node, known, { syntax, isSecure: false })
    }
    if (role !== undefined && !plan.scripts.has(`/boot/${node.key}/install-${role}.ipxe`)) return undefined
    const request = { isSkipping, isNode: true, isSecure: false, syntax, ...(role !== undefined && { role }) }
    // TFTP logs names of files only, so no log line can contain the token.
    const learn = () => {}
    return (
      await answerBoot(plan, node, request, { installs, observe, learn, ...defined({ fetchedScript }) })
    ).text
  }

  async function fileOf(
    plan: HttpPlan,
    node: BootEntry,
    script: ScriptName,
    address: string,
  ): Promise<NodeFile | undefined> {
    const reason = await mismatchOf(node, address, plan)
    if (reason !== undefined) return { kind: 'refused', reason }
    const text = await scriptFor(plan, node, script)
    return text === undefined ? undefined : { kind: 'text', text }
  }

  return {
    async find(name, address) {
      const plan = options.plan()
      const asked = readBootName(name)
      switch (asked?.kind) {
        case undefined:
          return undefined
        case 'entry': {
          const own = plan.nodes.get(plan.nodeByAddress.get(address) ?? '')
          if (own?.configuration === 'firmware' && isFirmwareEntry(asked, own, address))
            return fileOf(plan, own, { name: 'boot', syntax: 'firmware', isSkipping: false }, address)
          const text = entryFor(plan, asked, address)
          return text === undefined ? undefined : { kind: 'text', text }
        }
        case 'grub-over-http':
          return undefined
        case 'script': {
          const node = plan.nodes.get(asked.node)
          return node && fileOf(plan, node, asked.script, address)
        }
        case 'image': {
          const directory = plan.images.get(asked.image)
          const what = directory?.files.get(asked.file)
          if (directory === undefined || what === undefined || directory.secrets.has(asked.file))
            return undefined
          const { dir } = directory
          return { kind: 'image', path: `${dir}/${asked.file}`, dir, what, name: asked.file }
        }
      }
    },
  }
}
