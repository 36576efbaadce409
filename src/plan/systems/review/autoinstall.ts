/** `user-data` with `autoinstall`: what cloud-init and the installer of Ubuntu Server need, and its disks. Pure. */
import { isSameDisk } from './disk-name.ts'
import type { OtherDisks, Review } from './review.ts'
import { readInstallerYaml, valueAt, type YamlDocument } from './yaml.ts'

export function reviewAutoinstall(text: string, disk: string | undefined): Review {
  // cloud-init reads other formats too, such as scripts, archives, and templates.
  if (!/^#cloud-config(?![-\w])/.test(text)) {
    const fix = 'begin the file with #cloud-config, or '
    return { problems: [], otherDisks: { line: 1, why: 'only #cloud-config shows the disks', fix } }
  }
  const { documents, problems } = readInstallerYaml(text)
  const [document] = documents
  const install = valueAt(document?.value, 'autoinstall')
  if (document === undefined || typeof install !== 'object' || install === null) return { problems }
  if (valueAt(install, 'version') !== 1) {
    const line = document.lineOf('autoinstall', 'version')
    return { problems: [{ line, problem: 'autoinstall needs version: 1' }] }
  }
  return { problems: [], otherDisks: otherDisksOf(document, install, disk) }
}

function otherDisksOf(
  document: YamlDocument,
  install: object,
  disk: string | undefined,
): OtherDisks | undefined {
  const asked = valueAt(install, 'interactive-sections')
  if (Array.isArray(asked) && (asked.includes('storage') || asked.includes('*'))) return undefined
  const actions = valueAt(install, 'storage', 'config')
  const line = document.lineOf('autoinstall', 'storage', actions === undefined ? 'layout' : 'config')
  if (Array.isArray(actions)) {
    const disks = actions.filter((action) => valueAt(action, 'type') === 'disk')
    const fix = 'write path: "{{node.disk}}", or '
    const why = disks
      .map((action) => otherDisk(action, 'storage.config', disk))
      .find((each) => each !== undefined)
    return why === undefined ? undefined : { line, why, fix }
  }
  const fix = 'write match: { path: "{{node.disk}}" } in storage.layout, or '
  const match = valueAt(install, 'storage', 'layout', 'match')
  if (match === undefined) return { line, why: 'without match, storage.layout erases the largest disk', fix }
  const why = otherDisk(match, 'storage.layout', disk)
  return why === undefined ? undefined : { line, why, fix }
}

/** Returns why what selects a disk can select another one: a serial number and a size are not known to be those of this disk. */
function otherDisk(selector: unknown, what: string, disk: string | undefined): string | undefined {
  const path = valueAt(selector, 'path')
  if (isSameDisk(path, disk)) return undefined
  return typeof path === 'string'
    ? `${what} names the disk ${path}`
    : `${what} selects a disk without its path`
}
