/** Which scripts a simulated machine follows. */
import t from 'tap'
import { loaderChoices, syntaxOf } from '../../src/simulate/follow-scripts.ts'

t.test(
  'the loader of the node and its firmware select the syntax, and the caller can select another',
  (t) => {
    const cases = [
      [{ loader: undefined }, 'uefi', 'ipxe'],
      [{ loader: 'shim-ipxe' }, 'uefi', 'ipxe'],
      [{ loader: 'shim' }, 'uefi-http', 'grub'],
      [{ loader: 'shim' }, 'bios', 'ipxe'],
      [{ loader: 'pxelinux' }, 'bios', 'pxelinux'],
      [{ loader: 'pxelinux' }, 'uefi', 'ipxe'],
      [{ loader: 'u-boot' }, 'arm64', 'uboot'],
      [{ loader: 'grub', silentFirmware: 'ppc64le' }, 'ppc64le', 'grub'],
      [{ loader: 'pxelinux', silentFirmware: 's390x' }, 'ppc64le', 'ipxe'],
    ] as const
    for (const [node, firmware, syntax] of cases) t.equal(syntaxOf(node, firmware, undefined), syntax)
    const chosen = loaderChoices.map((choice) => syntaxOf({ loader: undefined }, 'bios', choice))
    t.same(chosen, ['ipxe', 'grub', 'grub', 'pxelinux', 'uboot'])
    t.end()
  },
)
