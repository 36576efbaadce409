/** OVMF on a network without DHCPv4: DHCPv6, loader, boot script, and kernel over IPv6 alone, with iPXE of Debian. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectMatch, expectNoMatch, Unexpected } from '../expect.ts'
import { lastLines } from '../process.ts'
import type { Check } from '../runner.ts'
import { waitForLogFlush } from '../server.ts'
import { boot } from '../vm.ts'
import { captureFile, nodes6, serverAddress6, type Ipv6Rig } from './rig.ts'

/** OVMF waits up to 60 s for HTTP Boot over IPv4, and iPXE of Debian about 30 s for DHCPv4. */
const bootLimitMs = 200_000

export const pxeCheck6: Check<Ipv6Rig> = bootCheck('uefi', {
  name: 'ipv6: OVMF boots by PXE over IPv6 only',
  node: nodes6.pxe,
  console: [/Start PXE over IPv6/, /NBP filename is efi\/snponly\.efi/, /NBP file downloaded successfully/],
  loader: /^tftp: file sent efi\/snponly\.efi/m,
  bootFile: `tftp://[${serverAddress6}]/efi/snponly.efi`,
})

export const httpCheck6: Check<Ipv6Rig> = bootCheck('http', {
  name: 'ipv6: OVMF boots by HTTP over IPv6 only',
  node: nodes6.http,
  console: [/Start HTTP Boot over IPv6/, /URI: http:\/\/\[fd00:16::101\]\/loaders\/efi\/snponly\.efi/],
  loader: /^http: boot loader served \S+\/snponly\.efi/m,
  bootFile: `http://[${serverAddress6}]/loaders/efi/snponly.efi`,
})

type Expected = {
  readonly name: string
  readonly node: (typeof nodes6)['pxe' | 'http']
  readonly console: readonly RegExp[]
  readonly loader: RegExp
  /** The URL that the firmware gets. */
  readonly bootFile: string
}

function bootCheck(firmware: 'uefi' | 'http', expected: Expected): Check<Ipv6Rig> {
  const { name, node } = expected
  return {
    name,
    limitMs: 2 * bootLimitMs + 10_000,
    async run(rig) {
      const { mac, tap } = node
      const dir = join(rig.dir, `vm-${node.name}`)
      const since = rig.server.lines.length
      const end = new AbortController()
      const options = {
        firmware,
        ipVersion: 6,
        mac,
        tap,
        dir,
        limitMs: bootLimitMs,
        signal: end.signal,
      } as const
      const machine = boot(rig.network, options)
      let done
      try {
        const requested = rig.server.waitFor(
          'the request for the kernel',
          ({ node: key, file = '' }) => key === `ocp6/${node.name}` && file.endsWith('live-kernel-x86_64'),
          { since, limitMs: 2 * bootLimitMs },
        )
        // The machine ends early only if it failed.
        await Promise.race([requested, machine])
        await waitForLogFlush()
      } finally {
        end.abort()
        done = await machine
      }
      const console = done.console.map(({ text }) => text).join('\n')
      try {
        for (const pattern of expected.console) expectMatch(console, pattern, 'the boot path on the console')
        expectMatch(console, new RegExp(`^net0: ${node.address}/64`, 'm'), 'the address of iPXE')
        checkLog(rig, since, expected)
        await checkScript(rig, node.name)
      } catch (error) {
        const { message } = error as Error
        throw new Unexpected(
          `${message}\n${done.outcome}; last lines of the console (in ${dir}):\n${lastLines(console, 25)}`,
          { cause: error },
        )
      }
      return `${((done.endedMs - done.startedMs) / 1000).toFixed(1)} s until the kernel`
    },
  }
}

/** Each response is in the log with the node, and none is over IPv4. */
function checkLog({ server }: Ipv6Rig, since: number, { node, loader, bootFile }: Expected): void {
  const lines = server.lines.slice(since).filter((line) => line.node === `ocp6/${node.name}`)
  const logged = lines.map(({ service = '', msg, file, bootFile: sent }) => {
    return `${service}: ${msg} ${file ?? sent ?? ''}`
  })
  const text = logged.join('\n')
  const script = `/boot/ocp6/${node.name}/boot.ipxe`
  const wanted = [
    new RegExp(`^dhcpv6: IPv6 address acknowledged ${escaped(bootFile)}$`, 'm'),
    loader,
    new RegExp(`^dhcpv6: IPv6 address acknowledged ${escaped(`http://[${serverAddress6}]${script}`)}$`, 'm'),
    new RegExp(`^http: boot script served ${escaped(script)}$`, 'm'),
    /^http: image file served \S+live-kernel-x86_64$/m,
  ]
  for (const pattern of wanted) expectMatch(text, pattern, "the node's log lines")
  expectNoMatch(text, /^dhcp: /m, "the node's log lines")
}

/** The boot script, as it was on the network, has the kernel arguments for IPv6. */
async function checkScript({ dir }: Ipv6Rig, node: string): Promise<void> {
  const captured = await readFile(captureFile(dir), 'latin1')
  const script = expectMatch(
    captured,
    new RegExp(
      `#!ipxe\\n(?:(?!#!ipxe)[^])*ocp6/${node}:(?:(?!#!ipxe)[^])*?\\n(kernel [^\\n]*|imgargs [^\\n]*)`,
    ),
    'the captured boot script',
  )[1] as string
  expectMatch(script, / ip=dhcp6( |$)/, 'kernel arguments')
  expectMatch(script, /coreos\.live\.rootfs_url=http:\/\/\[fd00:16::101\]\//, 'kernel arguments')
  expectNoMatch(script, /172\.16\.0\.101| ip=dhcp( |$)/, 'kernel arguments')
}

const escaped = (text: string): string => text.replace(/[[\].?]/g, '\\$&')
