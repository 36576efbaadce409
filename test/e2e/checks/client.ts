/** The client namespace's one interface, and what checks of clients share. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../expect.ts'
import { clientInterface } from '../network.ts'
import type { Rig } from '../rig.ts'
import { client } from '../site.ts'

/** Takes the client's addresses away, so that it begins like a machine that was just switched on. */
export async function flushClient(rig: Rig): Promise<void> {
  await rig.at('client', ['ip', 'addr', 'flush', 'dev', clientInterface])
}

/** Gives the client its reserved address by hand, for clients that do not ask DHCP. */
export async function settleClient(rig: Rig): Promise<void> {
  await rig.at('client', ['ip', 'addr', 'replace', `${client.address}/24`, 'dev', clientInterface])
}

export async function setClientMac(rig: Rig, mac: string): Promise<void> {
  await rig.at('client', ['ip', 'link', 'set', clientInterface, 'address', mac])
}

export async function clientAddresses(rig: Rig): Promise<string> {
  return (await rig.at('client', ['ip', '-4', '-o', 'addr', 'show', 'dev', clientInterface])).stdout
}

/** What a hook script kept: `NAME=value` lines. */
export async function readEnvironment(path: string): Promise<Record<string, string>> {
  const entries = (await readFile(path, 'utf8')).split('\n').map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)] as const
  })
  return Object.fromEntries(entries)
}

/** @throws {Unexpected} when `isSo` stays false for `limitMs` */
export async function waitUntil(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Unexpected(`waited ${limitMs / 1000} s in vain for ${what}`)
    await sleep(50)
  }
}
