/** What goes wrong before a kernel runs: DHCP, the loader, iPXE and its script. */
import { formatCount } from '../../text/count.ts'
import { formatDuration } from '../../text/duration.ts'
import { isStalledAt, type SymptomRow, type View } from './boot-view.ts'

/** A transfer that ends within its first window: no acknowledgement ever came. */
const firstWindowOctets = 8192

/** A firmware asks again after 4 s, and after 8 s more. */
const unansweredAsks = 3

const waitsLongMs = 30 * 60_000

export const firmwareSymptoms: readonly SymptomRow[] = [
  {
    name: 'no-loader-for-architecture',
    tell: ({ latest }) =>
      latest.outcome === 'nothing-to-boot'
        ? {
            saw: `its firmware asked for a loader (${latest.what || 'of no architecture that it named'}) and there is none for it`,
            likely: 'its firmware is set to a kind of network boot that is not served',
            advice:
              'set its firmware to boot by PXE or HTTP as x64 or arm64 UEFI, or by PXE as BIOS; `slipway explain SITE NODE` shows what each gets',
          }
        : undefined,
  },
  {
    name: 'request-refused',
    tell: (view) =>
      view.latest.kind.endsWith('dhcp') &&
      view.latest.outcome === 'refused' &&
      (view.latest.count > 1 || isStalledAt(view, view.latest.kind))
        ? {
            saw: `its DHCP request was refused ${formatCount(view.latest.count)}`,
            likely:
              'it is plugged into another network than the site says, or insists on an address that it had elsewhere',
            advice: "compare the node's address in the site file with the network that it is plugged into",
          }
        : undefined,
  },
  {
    name: 'offer-not-taken',
    tell: (view) =>
      isOfferLeft(view) && view.latest.kind !== 'live-dhcp' && view.latest.kind !== 'disk-dhcp'
        ? {
            saw: `asked DHCP as ${view.latest.kind === 'ipxe-dhcp' ? 'iPXE' : 'firmware'} ${formatCount(view.latest.count)} and took no offer`,
            likely:
              'another DHCP server answers first, or the offers do not come through (a switch port that is still learning, a VLAN, a relay agent)',
            advice:
              'see whether `slipway status` names another DHCP server; make its switch port an edge port (portfast)',
          }
        : undefined,
  },
  {
    name: 'loader-not-asked',
    tell: (view) =>
      isStalledAt(view, 'firmware-dhcp')
        ? {
            saw: `took its address ${formatCount(view.alike)} and never asked for its loader`,
            likely:
              'a firewall keeps UDP port 69 of this server from it, or its firmware overlooks the boot file',
            advice: 'let UDP port 69 through; if it is open, set `pxeOptions: true` for the node',
          }
        : undefined,
  },
  {
    name: 'http-loader-not-asked',
    tell: (view) =>
      isStalledAt(view, 'http-firmware-dhcp')
        ? {
            saw: `took its address for HTTP Boot ${formatCount(view.alike)} and never asked for its loader`,
            likely: "its firmware takes https only, or a firewall keeps this server's HTTP port from it",
            advice: 'allow plain HTTP in its firmware setup, or let it boot by PXE instead',
          }
        : undefined,
  },
  {
    name: 'loader-missing',
    tell: ({ latest }) =>
      latest.kind === 'loader' && latest.outcome === 'missing'
        ? {
            saw: `asked for ${latest.what}, which is not there`,
            likely: 'the loader is not installed on this server',
            advice:
              'install the package ipxe (ipxe-bootimgs on Fedora and RHEL), or name the file under `tftp.loaders`; `slipway check SITE` says where it was looked for',
          }
        : undefined,
  },
  {
    name: 'loader-only-probed',
    tell: (view) =>
      isStalledAt(view, 'loader') && view.latest.outcome === 'probed'
        ? {
            saw: `asked for the size of ${view.latest.what} ${formatCount(Math.max(view.alike, view.latest.count))} and never fetched it`,
            likely:
              'a firewall lets the first transfer pass and not the next, or the file is too large for its firmware',
            advice:
              'set `tftp: { singlePort: true }` in the site, or try `loader: snponly`, which is smaller',
          }
        : undefined,
  },
  {
    name: 'loader-blocked',
    tell: (view) =>
      isLoaderBroken(view) && isFirstWindow(view)
        ? {
            saw: `the transfer of ${view.latest.what} ended after its first blocks`,
            likely:
              'a firewall or NAT does not let the transfer through: TFTP answers from another port than 69',
            advice: 'set `tftp: { singlePort: true }` in the site, or let the firewall follow TFTP',
          }
        : undefined,
  },
  {
    name: 'loader-broken',
    tell: (view) =>
      isLoaderBroken(view) && !isFirstWindow(view)
        ? {
            saw: `the transfer of ${view.latest.what} broke off after ${Number(view.latest.octets)} octets`,
            likely: 'packets are lost on the way: a smaller MTU in between, a bad cable, a full link',
            advice: 'look for the MTU and errors of the switch ports between this server and the node',
          }
        : undefined,
  },
  {
    name: 'loader-silent-bios',
    tell: (view) =>
      isLoaderSilent(view) && isBios(view)
        ? {
            saw: `${fetched(view)}, never asked DHCP as iPXE`,
            likely: "undionly.kpxe uses the network card's own ROM, and that one hangs",
            advice: "boot the machine by UEFI, or update the network card's firmware",
          }
        : undefined,
  },
  {
    name: 'loader-refused',
    tell: (view) =>
      isLoaderSilent(view) && !isBios(view)
        ? {
            saw: `${fetched(view)}, never asked DHCP as iPXE`,
            likely: 'Secure Boot refuses the loader, or the wrong one was chosen for its network card',
            advice: `try \`loader: ${view.latest.what.includes('snponly') ? 'ipxe' : 'snponly'}\`, or turn Secure Boot off`,
          }
        : undefined,
  },
  {
    name: 'script-not-asked',
    tell: (view) =>
      isStalledAt(view, 'ipxe-dhcp')
        ? {
            saw: `took its address as iPXE ${formatCount(view.alike)} and never asked for its script`,
            likely: "a firewall keeps this server's HTTP port from it, or it has no route to this server",
            advice:
              'let TCP port 80 (`server.ports.http`) through; in a relayed subnet, look at its `gateway`',
          }
        : undefined,
  },
  {
    name: 'stopped-waiting',
    tell: (view) =>
      isStalledAt(view, 'wait-script')
        ? {
            saw: `waited (${view.latest.reason ?? 'for its turn'}) and has not asked for ${formatDuration(view.silentMs)}`,
            likely: 'it was switched off, or somebody took over at its console',
            advice: 'look at its console, or power it on again',
          }
        : undefined,
  },
  {
    name: 'waits-long',
    tell: ({ latest }) =>
      latest.kind === 'wait-script' && latest.endedAt - latest.startedAt > waitsLongMs
        ? {
            saw: `has been waiting for ${formatDuration(latest.endedAt - latest.startedAt)}: ${latest.reason ?? 'for its turn'}`,
            likely: 'what it waits for does not come up',
            advice: 'look at that with `slipway status`; a key that its screen names goes on without waiting',
          }
        : undefined,
  },
  {
    name: 'menu-waits',
    tell: (view) =>
      isStalledAt(view, 'menu-script')
        ? {
            saw: `was given the menu ${formatDuration(view.silentMs)} ago, and nothing followed`,
            likely: 'the menu is on its screen and nobody chose',
            advice: `choose at its console, or run \`slipway node install ${view.record.node}\` and power it on again`,
          }
        : undefined,
  },
]

export function isOfferLeft(view: View): boolean {
  const { latest } = view
  if (!latest.kind.endsWith('dhcp') || latest.outcome !== 'offered') return false
  return latest.count >= unansweredAsks || isStalledAt(view, latest.kind)
}

function isLoaderBroken({ latest }: View): boolean {
  return latest.kind === 'loader' && latest.outcome === 'aborted'
}

function isFirstWindow({ latest: { octets = 0 } }: View): boolean {
  return octets <= firstWindowOctets
}

function isLoaderSilent(view: View): boolean {
  return isStalledAt(view, 'loader') && view.latest.outcome === 'done'
}

function isBios({ latest }: View): boolean {
  return latest.what.endsWith('.kpxe') || latest.what.endsWith('.pxe')
}

function fetched({ latest, alike }: View): string {
  return `fetched ${latest.what} ${formatCount(Math.max(alike, latest.count))}`
}
