/** Symptoms before a kernel runs: DHCP, the boot loader, iPXE, and its script. */
import { formatCount, formatDuration } from '../../text/format.ts'
import { isStalledAt, repeatsOf, type SymptomRow, type View } from './boot-view.ts'

/** A transfer that ends within its first window was never acknowledged. */
const firstWindowBytes = 8192

/** Firmware repeats its request after 4 s, and again after 8 s. */
const unansweredRequests = 3

const waitsLongMs = 30 * 60_000

export const firmwareSymptoms: readonly SymptomRow[] = [
  {
    name: 'no-loader-for-architecture',
    code: 'boot.no-loader-for-architecture',
    diagnose: ({ latest }) =>
      latest.outcome === 'nothing-to-boot'
        ? {
            saw: `its firmware requested a boot loader (${latest.what || 'no architecture given'}) that is not available`,
            likely: 'its firmware uses a boot method that slipway does not serve',
            advice:
              'set its firmware to boot by PXE or HTTP as x64 or arm64 UEFI, or by PXE as BIOS; `slipway explain SITE NODE` shows the loader of each',
          }
        : undefined,
  },
  {
    name: 'request-refused',
    code: 'boot.request-refused',
    diagnose: (view) =>
      view.latest.kind.endsWith('dhcp') &&
      view.latest.outcome === 'refused' &&
      (view.latest.count > 1 || isStalledAt(view, view.latest.kind))
        ? {
            saw: `its DHCP request was refused ${formatCount(view.latest.count)}`,
            likely:
              'it is connected to a network that the site file does not declare for it, or requests an address from such a network',
            advice: "compare the node's address in the site file with the network that it is connected to",
          }
        : undefined,
  },
  {
    name: 'other-dhcp-server',
    code: 'boot.other-dhcp-server',
    diagnose: ({ latest: { server, outcome } }) =>
      server !== undefined && outcome === 'offered'
        ? {
            saw: `accepted the offer of another DHCP server (${server})`,
            likely: 'that server leases addresses on the network of the node and answers before slipway',
            advice:
              'turn it off on this network; if it has the same site, list it under `server.peers`; if it must lease the addresses, set `dhcp: proxy` for the subnet',
          }
        : undefined,
  },
  {
    name: 'offer-not-taken',
    code: 'boot.offer-not-accepted',
    diagnose: (view) =>
      isOfferLeft(view) && view.latest.kind !== 'live-dhcp' && view.latest.kind !== 'disk-dhcp'
        ? {
            saw: `requested an address as ${view.latest.kind === 'ipxe-dhcp' ? 'iPXE' : 'firmware'} ${formatCount(view.latest.count)} and accepted no offer`,
            likely:
              'another DHCP server answers first, or the offers are lost (a switch port in spanning tree learning, a VLAN, a relay agent, another interface of this machine)',
            advice:
              'check whether `slipway status` names another DHCP server; make its switch port an edge port (portfast)',
          }
        : undefined,
  },
  {
    name: 'loader-missing',
    code: 'boot.loader-missing',
    diagnose: ({ latest }) =>
      latest.kind === 'loader' && latest.outcome === 'missing'
        ? {
            saw: `requested ${latest.what}, which this server cannot send`,
            likely: 'the boot loader is not installed on this server, or cannot be read',
            advice:
              'install the package ipxe (ipxe-bootimgs on Fedora and RHEL), or name the file under `tftp.loaders`; `slipway check SITE` shows the paths that were searched',
          }
        : undefined,
  },
  {
    name: 'server-file-missing',
    code: 'boot.server-file-missing',
    diagnose: ({ latest: { kind, outcome, what, reason = 'see the log' } }) =>
      kind !== 'loader' && outcome === 'missing'
        ? {
            saw: `requested ${kind === 'ignition' ? `its Ignition file (${what})` : what}, which this server cannot send`,
            likely: `the node is not the cause: ${reason}`,
            advice: 'fix this on the server, then boot the node again',
          }
        : undefined,
  },
  {
    name: 'loader-only-probed',
    code: 'boot.loader-only-probed',
    diagnose: (view) =>
      isStalledAt(view, 'loader') && view.latest.outcome === 'probed'
        ? {
            saw: `requested the size of ${view.latest.what} ${formatCount(repeatsOf(view))} and never the file`,
            likely:
              'a firewall allows the first transfer and blocks the next, or the file is too large for its firmware',
            advice: 'set `tftp: { singlePort: true }` in the site, or `loader: snponly`, which is smaller',
          }
        : undefined,
  },
  {
    name: 'loader-blocked',
    code: 'boot.loader-blocked',
    diagnose: (view) =>
      isLoaderInterrupted(view) && isFirstWindow(view)
        ? {
            saw: `the transfer of ${view.latest.what} stopped after its first blocks`,
            likely: 'a firewall or NAT blocks the transfer: TFTP answers from a port other than 69',
            advice:
              'set `tftp: { singlePort: true }` in the site, or enable connection tracking for TFTP in the firewall',
          }
        : undefined,
  },
  {
    name: 'loader-broken',
    code: 'boot.loader-interrupted',
    diagnose: (view) =>
      isLoaderInterrupted(view) && !isFirstWindow(view)
        ? {
            saw: `the transfer of ${view.latest.what} was interrupted after ${Number(view.latest.octets)} bytes`,
            likely: 'packets are lost: a smaller MTU on the path, a faulty cable, or a saturated link',
            advice: 'check the MTU and the errors of the switch ports between this server and the node',
          }
        : undefined,
  },
  {
    name: 'loader-silent-bios',
    code: 'boot.loader-hangs',
    diagnose: (view) =>
      isLoaderUnresponsive(view) && isBios(view)
        ? {
            saw: `${fetched(view)} and never sent a DHCP request as iPXE`,
            likely: 'undionly.kpxe uses the ROM of the network card, and the ROM hangs',
            advice: "boot the machine by UEFI, or update the network card's firmware",
          }
        : undefined,
  },
  {
    name: 'loader-refused',
    code: 'boot.loader-rejected',
    diagnose: (view) =>
      isLoaderUnresponsive(view) && !isBios(view)
        ? {
            saw: `${fetched(view)} and never sent a DHCP request as iPXE`,
            likely: 'Secure Boot rejects the loader, or the loader does not support its network card',
            advice: `set \`loader: ${view.latest.what.includes('snponly') ? 'ipxe' : 'snponly'}\`, or \`loader: shim\` for Secure Boot`,
          }
        : undefined,
  },
  {
    name: 'stopped-waiting',
    code: 'boot.stopped-waiting',
    diagnose: (view) =>
      isStalledAt(view, 'wait-script')
        ? {
            saw: `waited (${view.latest.reason ?? 'not its turn yet'}) and has not requested its script for ${formatDuration(view.silentMs)}`,
            likely: 'it was powered off, or the boot was stopped at its console',
            advice: 'look at its console, or power it on again',
          }
        : undefined,
  },
  {
    name: 'waits-long',
    code: 'boot.waits-long',
    diagnose: ({ latest }) =>
      latest.kind === 'wait-script' && latest.endedAt - latest.startedAt > waitsLongMs
        ? {
            saw: `has been waiting for ${formatDuration(latest.endedAt - latest.startedAt)}: ${latest.reason ?? 'not its turn yet'}`,
            likely: 'the server that it waits for does not start',
            advice: 'check that server with `slipway status`; the key that its console shows skips the wait',
          }
        : undefined,
  },
]

export function isOfferLeft(view: View): boolean {
  const { latest } = view
  if (!latest.kind.endsWith('dhcp') || latest.outcome !== 'offered') return false
  return latest.count >= unansweredRequests || isStalledAt(view, latest.kind)
}

function isLoaderInterrupted({ latest }: View): boolean {
  return latest.kind === 'loader' && latest.outcome === 'aborted'
}

function isFirstWindow({ latest: { octets = 0 } }: View): boolean {
  return octets <= firstWindowBytes
}

function isLoaderUnresponsive(view: View): boolean {
  return isStalledAt(view, 'loader') && view.latest.outcome === 'done'
}

function isBios({ latest }: View): boolean {
  return latest.what.endsWith('.kpxe') || latest.what.endsWith('.pxe')
}

function fetched(view: View): string {
  return `fetched ${view.latest.what} ${formatCount(repeatsOf(view))}`
}
