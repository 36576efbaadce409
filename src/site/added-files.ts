/** Additions to the Ignition file of a node: the host name, files, and network keyfiles. */
import { z } from 'zod'
import { nodeFilePath, octalMode, path } from './scalars.ts'

/** A file on the node; exactly one of `contents` and `from` is set. */
export type NodeFile = {
  readonly path: string
  /** Permission bits, for example 0o600. */
  readonly mode: number
  readonly contents?: string | undefined
  /** A file on this machine. */
  readonly from?: string | undefined
}

const nodeFile = z
  .strictObject({
    path: nodeFilePath.meta({ description: 'absolute path on the node' }),
    contents: z.string().optional().meta({ description: 'text of the file; either this or from' }),
    from: path.optional().meta({ description: 'file on this machine to copy; either this or contents' }),
    mode: octalMode.prefault('0644').meta({ description: 'permissions in octal; the owner is root' }),
  })
  .check(({ value, issues }) => {
    if ((value.contents === undefined) !== (value.from === undefined)) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected either contents or from' })
  })
  .meta({ description: 'file on the node' })

/** Keys of a cluster and of a node. */
export const addedFiles = {
  hostname: z.boolean().optional().meta({
    description: 'true: Ignition writes the full name to /etc/hostname, for nodes that do not get it by DHCP',
  }),
  files: z.array(nodeFile).optional().meta({
    description: 'more files that Ignition writes; for the same path, the node overrides its cluster',
  }),
  networkKeyfiles: z.array(path).optional().meta({
    description:
      'NetworkManager keyfiles (*.nmconnection) for the installed system; for the same name, the node overrides its cluster',
  }),
}
