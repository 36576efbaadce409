/** The files that the site adds to the Ignition file of a node: its own, its host name, and the keyfiles of its network. */
import { hostnamePath, keyfilePath } from '../site/file-paths.ts'
import type { NodeNetwork } from '../site/node-network.ts'
import type { OwnedNode, Owner } from '../site/declared.ts'
import type { NodeFile } from '../site/schema.ts'
import { renderKeyfiles, type Keyfile } from './network/keyfiles.ts'

export type DeclaredFile = {
  /** On the node. */
  readonly path: string
  readonly mode: number
  readonly source:
    | { readonly kind: 'text'; readonly text: string }
    /** On this machine. */
    | { readonly kind: 'copy'; readonly file: string }
}

/** Returns the files of the cluster and of the node; for the same path, the node overrides its cluster. */
export function declaredFiles(
  cluster: Owner,
  node: OwnedNode,
  fqdn: string,
  network: NodeNetwork | undefined,
): DeclaredFile[] {
  const files = [cluster, node].flatMap(({ files = [], networkKeyfiles = [] }) => [
    ...files.map(declaredFile),
    ...networkKeyfiles.map(keyfile),
  ])
  const hostname = (node.hostname ?? cluster.hostname ?? needsHostname(network)) ? [hostnameFile(fqdn)] : []
  const keyfiles = network === undefined ? [] : renderKeyfiles(network).map(networkFile)
  return [...new Map([...hostname, ...keyfiles, ...files].map((file) => [file.path, file])).values()]
}

/** A node without a lease gets no host name by DHCP. */
function needsHostname(network: NodeNetwork | undefined): boolean {
  return (
    network !== undefined && network.use !== 'arguments' && !network.interfaces.some(({ ipv4 }) => ipv4?.dhcp)
  )
}

function networkFile({ path, text }: Keyfile): DeclaredFile {
  return { path, mode: 0o600, source: { kind: 'text', text } }
}

function hostnameFile(fqdn: string): DeclaredFile {
  return { path: hostnamePath, mode: 0o644, source: { kind: 'text', text: `${fqdn}\n` } }
}

function keyfile(file: string): DeclaredFile {
  return { path: keyfilePath(file), mode: 0o600, source: { kind: 'copy', file } }
}

function declaredFile({ path, mode, contents, from }: NodeFile): DeclaredFile {
  const source =
    from === undefined
      ? ({ kind: 'text', text: contents as string } as const)
      : ({ kind: 'copy', file: from } as const)
  return { path, mode, source }
}
