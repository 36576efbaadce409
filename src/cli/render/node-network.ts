/** The network of a node as text: its kernel arguments, and the keyfiles of the installed system. Pure. */
import type { NodeModel } from '../../plan/model.ts'
import { networkArguments } from '../../plan/network/arguments.ts'
import { renderKeyfiles } from '../../plan/network/keyfiles.ts'
import type { Rendered } from './hosted-yaml.ts'

/** The output can be split at the lines that start with `# /`. */
export function renderNetwork({ key, network, address, fqdn }: NodeModel): Rendered {
  if (network === undefined) return { reason: `${key} has no section network, so DHCP configures it` }
  const given = networkArguments(network, address, fqdn)
  const keyfiles = renderKeyfiles(network)
  const text = [
    `# Kernel arguments of the live system and of the first boot of ${key}`,
    ...(given.length === 0 ? ['# none: it uses DHCP'] : given),
    '',
    ...(keyfiles.length === 0 ? ['# No keyfiles: the installed system keeps these settings'] : []),
    ...keyfiles.map(({ path, text }) => `# ${path}\n${text}`),
  ]
  return { text: text.join('\n') }
}
