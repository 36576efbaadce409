/** Parallel downloads with curl from all clients at the same time; verifies the size of each file. */
import { run } from '../test/e2e/process.ts'
import { clients, type Network } from './network.ts'

export type Downloads = {
  /** Downloads of each client. */
  readonly perClient: number
  readonly url: string
  readonly octets: number
  readonly options?: readonly string[]
}

/**
 * @returns seconds from the start of the first download to the end of the last
 * @throws {Error} if a download is incomplete
 */
export async function download(network: Network, downloads: Downloads): Promise<number> {
  const { perClient, url, octets, options = [] } = downloads
  const targets = Array.from({ length: perClient }, () => ['-o', '/dev/null', url]).flat()
  const parallel = ['--parallel', '--parallel-immediate', '--parallel-max', `${perClient}`]
  const command = ['curl', '-sS', ...parallel, '--max-time', '60', '-w', '%{size_download}\\n', ...options]
  const startedAt = performance.now()
  const all = await Promise.all(
    clients.map((client) => run(network.onClient(client, ...command, ...targets), { limitMs: 90_000 })),
  )
  const durationMs = performance.now() - startedAt
  const complete = all
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((size) => size === `${octets}`).length
  const count = perClient * clients.length
  if (complete !== count) {
    const errors = all.map(({ stderr }) => stderr.trim()).join('\n')
    throw new Error(`${complete} of ${count} downloads of ${url} were complete: ${errors.slice(0, 500)}`)
  }
  return durationMs / 1000
}
