/** curl in parallel, from all clients at once, each octet counted. */
import { run } from '../test/e2e/process.ts'
import { clients, type Network } from './network.ts'

export type Downloads = {
  /** At each of the clients. */
  readonly perClient: number
  readonly url: string
  readonly octets: number
  readonly options?: readonly string[]
}

/**
 * @returns seconds from the start of the first to the end of the last
 * @throws {Error} when one of them did not get the whole file
 */
export async function download(network: Network, wanted: Downloads): Promise<number> {
  const { perClient, url, octets, options = [] } = wanted
  const targets = Array.from({ length: perClient }, () => ['-o', '/dev/null', url]).flat()
  const parallel = ['--parallel', '--parallel-immediate', '--parallel-max', `${perClient}`]
  const command = ['curl', '-sS', ...parallel, '--max-time', '60', '-w', '%{size_download}\\n', ...options]
  const startedAt = performance.now()
  const all = await Promise.all(
    clients.map((client) => run(network.onClient(client, ...command, ...targets), { limitMs: 90_000 })),
  )
  const tookMs = performance.now() - startedAt
  const whole = all.flatMap(({ stdout }) => stdout.split('\n')).filter((size) => size === `${octets}`).length
  const count = perClient * clients.length
  if (whole !== count) {
    const said = all.map(({ stderr }) => stderr.trim()).join('\n')
    throw new Error(`${whole} of ${count} downloads of ${url} were whole: ${said.slice(0, 500)}`)
  }
  return tookMs / 1000
}
