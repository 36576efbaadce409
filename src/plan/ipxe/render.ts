/** Renders a boot plan as a script of iPXE. */
import type { BootPlan } from '../boot/boot-plan.ts'
import type { ScriptAuthor } from '../boot/console.ts'
import { urlPaths } from '../urls.ts'
import { renderForeign } from './foreign.ts'
import { renderInstall, renderMissing } from './install.ts'
import {
  renderElsewhere,
  renderFailed,
  renderLocal,
  renderMenu,
  renderRefused,
  renderWaiting,
} from './menu.ts'

/** @param url of the boot script of the node */
export function renderIpxe(node: ScriptAuthor, plan: BootPlan, url: string): string {
  const absolute = (path: string) => new URL(path, url).href
  switch (plan.kind) {
    case 'install':
      return renderInstall(node, plan, url)
    case 'script':
      return renderForeign(node, plan, url)
    case 'missing':
      return renderMissing(node, plan, url)
    case 'menu':
      return renderMenu(node, plan, {
        again: absolute(urlPaths.menuScript(node)),
        install: (role) => absolute(urlPaths.installScript(node, role)),
      })
    case 'local':
      return renderLocal(node, url)
    case 'wait': {
      const { reason, canSkip, role } = plan
      const own = role === undefined ? url : absolute(urlPaths.installScript(node, role))
      return renderWaiting(node, { reason, url: own, ...(canSkip && { skipUrl: `${own}?skip` }) })
    }
    case 'failed':
      return renderFailed(node, plan.reason, url)
    case 'elsewhere':
      return renderElsewhere(node, { url, installerUrl: plan.installerUrl })
    case 'refused':
      return renderRefused(node, plan.reason, url)
  }
}
