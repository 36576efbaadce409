/** Answers that say no, in text that helps the person who reads them on a screen or with curl. */
import type { FastifyReply } from 'fastify'

export type Refusal = { readonly status: number; readonly sentence: string }

export function refuse(reply: FastifyReply, { status, sentence }: Refusal): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${sentence}\n`)
}

/** Why a file cannot be sent: the sentence names it, and what to look at. */
export function unreadable(error: unknown, path: string): Refusal {
  const code = (error as NodeJS.ErrnoException).code
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { status: 404, sentence: `${path} is not there` }
    case 'EACCES':
    case 'EPERM':
      return {
        status: 403,
        sentence: `${path} may not be read: look at its owner, its mode and its SELinux type`,
      }
    default:
      return { status: 500, sentence: `${path} cannot be read: ${code ?? String(error)}` }
  }
}

export const helpText = `there is nothing at this address

GET /boot/CLUSTER/NODE/boot.ipxe        what the node boots
GET /boot/CLUSTER/NODE/menu.ipxe        its menu
GET /boot/CLUSTER/NODE/TOKEN/ROLE.ign   its Ignition file, while it is being installed
GET /loaders/FOLDER/FILE                a boot loader, for UEFI HTTP Boot
GET /images/IMAGE/FILE                  kernel, initramfs, rootfs
GET /health                             whether all is well`
