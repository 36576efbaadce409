/** On what the figures were made: without it they mean nothing. */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { run } from '../test/e2e/process.ts'

/** One line each, for the head of the results. */
export async function describeMachine(): Promise<string[]> {
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memory = Math.round(totalmem() / 1024 ** 3)
  const commit = (await run(['git', 'describe', '--always', '--dirty'])).stdout.trim()
  return [
    `${cpus().length} cores (${model}), ${memory} GiB, Linux ${release()}, Node ${process.version}`,
    `slipway ${commit || 'of an unknown commit'}; peers from Debian: ${(await versions()).join(', ')}`,
  ]
}

/** The runnable processes of the last minute: above the number of cores, others had a share in the figures. */
export function loadAverage(): string {
  const [minute = 0] = loadavg()
  return minute.toFixed(2)
}

async function versions(): Promise<string[]> {
  const packages = 'dnsmasq-base bind9 knot kea-dhcp4-server isc-dhcp-server tftpd-hpa nginx-light'.split(' ')
  const { stdout } = await run(['dpkg-query', '-W', '-f=${Package} ${Version}\\n', ...packages])
  return stdout.trim().split('\n')
}
