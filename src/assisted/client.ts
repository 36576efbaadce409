/** Reads the hosts of an InfraEnv from the assisted service, bounded in time and size. It changes nothing there. */
import { readFile } from 'node:fs/promises'
import { request as askHttps } from 'node:https'
import { getCACertificates } from 'node:tls'
import { request as askHttp } from '../host/http.ts'
import type { Cluster } from '../site/schema.ts'
import type { Host } from './hosts.ts'

export type AssistedSection = NonNullable<Cluster['assisted']>

const timeoutMs = 10_000
/** The inventory of a host has up to 100 KiB. */
const maxBytes = 32 * 1024 * 1024

/** @throws {Error} with the reason; it contains no token */
export async function fetchHosts({ url, infraEnv, tokenFile, ca }: AssistedSection): Promise<Host[]> {
  const token = tokenFile === undefined ? undefined : (await readSmall(tokenFile)).trim()
  const authorities = ca === undefined ? [] : [await readSmall(ca)]
  const target = `${url.replace(/\/+$/, '')}/api/assisted-install/v2/infra-envs/${infraEnv}/hosts`
  const text = await get(new URL(target), token, authorities)
  // A start does not load the decoder.
  const { readHosts } = await import('./hosts.ts')
  return readHosts(text)
}

async function readSmall(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
}

function get(url: URL, token: string | undefined, authorities: readonly string[]): Promise<string> {
  const headers = {
    'user-agent': 'slipway',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const ca = [...getCACertificates('default'), ...getCACertificates('system'), ...authorities]
  const asking =
    url.protocol === 'https:'
      ? askHttps(url, { headers, agent: false, ca })
      : askHttp(url, { headers, agent: false })
  const timer = setTimeout(
    () => asking.destroy(new Error(`no response within ${timeoutMs / 1000} s`)),
    timeoutMs,
  )
  // A redirect is not followed: the token belongs to this server.
  asking.once('response', (response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) asking.destroy(new Error(`the response has more than ${maxBytes} bytes`))
      else chunks.push(chunk)
    })
    response.once('end', () =>
      response.statusCode === 200
        ? resolve(Buffer.concat(chunks).toString())
        : reject(new Error(`the service answers with status ${response.statusCode}`)),
    )
    response.once('error', reject)
  })
  asking.once('close', () => clearTimeout(timer))
  asking.on('error', (error: NodeJS.ErrnoException) => reject(new Error(`${url.host}: ${error.message}`)))
  asking.end()
  return promise
}
