/** Describes the machine and the versions of a run: figures are comparable only with these. */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { readFile } from 'node:fs/promises'
import { run } from '../test/e2e/process.ts'

/** Returns lines for the head of the results. */
export async function describeMachine(): Promise<string[]> {
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memory = Math.round(totalmem() / 1024 ** 3)
  const commit = (await run(['git', 'describe', '--always', '--dirty'])).stdout.trim()
  return [
    `${cpus().length} cores (${model}), ${memory} GiB, Linux ${release()}, Node ${process.version}, TCP with ${await congestionControl()}`,
    `slipway ${commit || '(unknown commit)'}; peers from Debian: ${(await versions()).join(', ')}`,
  ]
}

/** BBR sets timers, which cost more than all else that sending a file does (docs/decisions/0027-performance.md). */
async function congestionControl(): Promise<string> {
  return (await readFile('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8')).trim()
}

/** Returns the average number of runnable processes in the last minute. A high value means that other programs affect the figures. */
export function loadAverage(): string {
  const [minute = 0] = loadavg()
  return minute.toFixed(2)
}

async function versions(): Promise<string[]> {
  const packages = 'dnsmasq-base bind9 knot kea-dhcp4-server isc-dhcp-server tftpd-hpa nginx-light'.split(' ')
  const { stdout } = await run(['dpkg-query', '-W', '-f=${Package} ${Version}\\n', ...packages])
  return stdout.trim().split('\n')
}
