/** Renders a boot plan in the syntax of a boot loader. */
import { renderGrub } from '../grub/render.ts'
import { renderIpxe } from '../ipxe/render.ts'
import { renderFirmware } from '../pxelinux/firmware.ts'
import { renderPxelinux } from '../pxelinux/render.ts'
import { renderUboot } from '../uboot/render.ts'
import type { BootPlan } from './boot-plan.ts'
import type { ScriptAuthor } from './console.ts'
import type { BootSyntax } from './syntax.ts'

type Render = (node: ScriptAuthor, plan: BootPlan, url: string) => string

const renderers: Readonly<Record<BootSyntax, Render>> = {
  ipxe: renderIpxe,
  grub: renderGrub,
  pxelinux: renderPxelinux,
  uboot: renderUboot,
  firmware: renderFirmware,
}

/** @param url of the boot script of the node, for loaders that need whole URLs */
export function renderBoot(syntax: BootSyntax, node: ScriptAuthor, plan: BootPlan, url: string): string {
  return renderers[syntax](node, plan, url)
}
