/** The files that a site adds to one node, as declared for the node and its cluster. */
import type { NodeFile, Cluster, Node } from '../../site/schema.ts'
import { hostnamePath, keyfilePath } from '../../site/file-paths.ts'

export type DeclaredFile = {
  /** On the node. */
  readonly path: string
  readonly mode: number
  readonly source:
    | { readonly kind: 'text'; readonly text: string }
    /** On this machine. */
    | { readonly kind: 'copy'; readonly file: string }
}

/** For the same path, the node overrides its cluster. */
export function declaredFiles(cluster: Cluster, node: Node, fqdn: string): DeclaredFile[] {
  const files = [cluster, node].flatMap(({ files = [], networkKeyfiles = [] }) => [
    ...files.map(declaredFile),
    ...networkKeyfiles.map(keyfile),
  ])
  const hostname = (node.hostname ?? cluster.hostname) === true ? [hostnameFile(fqdn)] : []
  return [...new Map([...hostname, ...files].map((file) => [file.path, file])).values()]
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
