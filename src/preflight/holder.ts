/** Finds the process that has a port, in /proc (proc_net(5)). */
import { readdir, readFile, readlink } from 'node:fs/promises'
import type { WantedPort } from './wanted-ports.ts'

/** State of a TCP socket that listens, and of every UDP socket without a peer. */
const listening = { tcp: '0A', udp: '07' } as const

/** Returns the inodes of the sockets that listen on the port, from the text of /proc/net/udp or tcp. */
export function parseInodes(
  text: string,
  { transport, port }: Pick<WantedPort, 'transport' | 'port'>,
): string[] {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0')
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, , state]) => local?.endsWith(`:${hexadecimal}`) === true && state === listening[transport],
    )
    .flatMap((fields) => fields[9] ?? [])
}

/**
 * Returns `dnsmasq (PID 812)`, `systemd` for a socket unit, or undefined if the process is not known, for example because
 * only root can see it.
 */
export async function findHolder(wanted: WantedPort, proc = '/proc'): Promise<string | undefined> {
  const tables = await Promise.all(
    [wanted.transport, `${wanted.transport}6`].map((name) => read(`${proc}/net/${name}`)),
  )
  const links = new Set(
    tables.flatMap((text) => parseInodes(text, wanted)).map((inode) => `socket:[${inode}]`),
  )
  if (links.size === 0) return undefined
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const descriptors = await readdir(`${proc}/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const link = await readlink(`${proc}/${pid}/fd/${descriptor}`).catch(() => '')
      if (!links.has(link)) continue
      const name = (await read(`${proc}/${pid}/comm`)).trim()
      return pid === '1' ? 'systemd' : `${name} (PID ${pid})`
    }
  }
  return undefined
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
