/**
 * The boot of a loader that trusts the CA of this server, and of one that does not. The first fetches everything over
 * HTTPS that could change the installation or contains secrets. The live system checks its rootfs itself, by the hash in
 * its initramfs (docs/decisions/0054). Pure.
 */
import { defined } from '../../text/defined.ts'
import type { BootEntry } from '../http/plan.ts'
import type { BootPlan } from './boot-plan.ts'
import type { RemoteFile } from './installation.ts'

/** @param secureUrl any URL of this server over HTTPS */
export function overHttps(plan: BootPlan, secureUrl: string): BootPlan {
  const { port } = new URL(secureUrl)
  const secured = (url: string): string => {
    const { hostname, pathname, search } = new URL(url)
    return `https://${hostname}${port === '' ? '' : `:${port}`}${pathname}${search}`
  }
  const file = ({ name, url }: RemoteFile): RemoteFile => ({ name, url: secured(url) })
  switch (plan.kind) {
    case 'install': {
      const { style, kernel, initramfs, shim, liveArchive: live, arguments: words, handoverUrl } = plan
      const handover = defined({ handoverUrl: handoverUrl && secured(handoverUrl) })
      // The files of another installer are on another server.
      if (style === 'script') return { ...plan, ...handover }
      const files = {
        kernel: file(kernel),
        initramfs: file(initramfs),
        ...defined({ live, shim: shim && file(shim) }),
      }
      // The archive contains the file of this URL.
      const given =
        live === undefined ? words : words.filter((word) => !word.startsWith('ignition.config.url='))
      return { ...plan, ...files, ...handover, arguments: given }
    }
    case 'script':
      return { ...plan, handoverUrl: secured(plan.handoverUrl) }
    case 'elsewhere':
      return { kind: 'elsewhere', installerUrl: secured(plan.installerUrl) }
    default:
      return plan
  }
}

/** Returns the plan for a loader without HTTPS, which cannot get an initramfs that contains secrets. */
export function overHttp(plan: BootPlan, { secure }: Pick<BootEntry, 'secure'>): BootPlan {
  if (secure === undefined || plan.kind !== 'install' || plan.style !== 'agent') return plan
  const reason =
    'the initramfs contains secrets, and this boot loader does not trust the CA of the server: boot with an iPXE that trusts it'
  return { kind: 'wait', reason, canSkip: false }
}
