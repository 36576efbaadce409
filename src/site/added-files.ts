/** What a site adds to the Ignition file that a node installs with: its host name, files, network keyfiles. */
import { z } from 'zod'
import { nodeFilePath, octalMode, path } from './scalars.ts'

/** A file on the node; exactly one of `contents` and `from` is there. */
export type NodeFile = {
  readonly path: string
  /** As in `chmod`, for instance 0o600. */
  readonly mode: number
  readonly contents?: string | undefined
  /** A file on this machine. */
  readonly from?: string | undefined
}

const nodeFile = z
  .strictObject({
    path: nodeFilePath.meta({ description: 'where it is on the node' }),
    contents: z.string().optional().meta({ description: 'its text' }),
    from: path.optional().meta({ description: 'or the file on this machine that it is a copy of' }),
    mode: octalMode.prefault('0644').meta({ description: 'its permissions; it belongs to root' }),
  })
  .check(({ value, issues }) => {
    if ((value.contents === undefined) !== (value.from === undefined)) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected either contents or from' })
  })
  .meta({ description: 'a file' })

/** Keys of a cluster and of a node. */
export const addedFiles = {
  hostname: z.boolean().optional().meta({
    description: 'true: Ignition writes the full name to /etc/hostname, where DHCP does not give it',
  }),
  files: z.array(nodeFile).optional().meta({
    description: "files that Ignition writes too; of equal paths a node's comes before its cluster's",
  }),
  networkKeyfiles: z.array(path).optional().meta({
    description: "NetworkManager's keyfiles (*.nmconnection) for the installed system; a node's as in files",
  }),
}
