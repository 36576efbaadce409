/** `user-data` with `autoinstall`: what cloud-init and the installer of Ubuntu Server need, and its disks. Pure. */
import { isOtherDisk } from './disk-name.ts'
import type { OtherDisks, Review } from './review.ts'
import { readInstallerYaml, valueAt, type YamlDocument } from './yaml.ts'

export function reviewAutoinstall(text: string, disk: string | undefined): Review {
  // cloud-init reads other formats too, such as scripts and archives.
  if (!text.startsWith('#cloud-config')) return { problems: [] }
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
    const paths = actions.flatMap((action) =>
      valueAt(action, 'type') === 'disk' ? [valueAt(action, 'path')] : [],
    )
    const other = paths.find((path): path is string => typeof path === 'string' && isOtherDisk(path, disk))
    const fix = 'write path: "{{node.disk}}", or '
    return other === undefined ? undefined : { line, why: `storage.config names the disk ${other}`, fix }
  }
  const fix = 'write match: { path: "{{node.disk}}" } in storage.layout, or '
  const match = valueAt(install, 'storage', 'layout', 'match')
  if (match === undefined) return { line, why: 'without match, storage.layout erases the largest disk', fix }
  const path = valueAt(match, 'path')
  return typeof path === 'string' && isOtherDisk(path, disk)
    ? { line, why: `storage.layout names the disk ${path}`, fix }
    : undefined
}
