/** The interface of the client namespace, and helpers for checks of clients. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../expect.ts'
import { clientInterface } from '../network.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import { client } from '../site.ts'

/** Removes the addresses of the client, so that it starts like a machine that was just powered on. */
export async function flushClientAddresses(rig: Rig): Promise<void> {
  await rig.run('client', ['ip', 'addr', 'flush', 'dev', clientInterface])
}

/** Adds the reserved address of the client, for clients that do not use DHCP. */
export async function addClientAddress(rig: Rig): Promise<void> {
  await rig.run('client', ['ip', 'addr', 'replace', `${client.address}/24`, 'dev', clientInterface])
}

export async function setClientMac(rig: Rig, mac: string): Promise<void> {
  await rig.run('client', ['ip', 'link', 'set', clientInterface, 'address', mac])
}

export async function clientAddresses(rig: Rig): Promise<string> {
  return (await rig.run('client', ['ip', '-4', '-o', 'addr', 'show', 'dev', clientInterface])).stdout
}

/** Reads the environment that a hook script saved: `NAME=value` lines. */
export async function readEnvironment(path: string): Promise<Record<string, string>> {
  const entries = (await readFile(path, 'utf8')).split('\n').map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)] as const
  })
  return Object.fromEntries(entries)
}

/** @throws {Unexpected} if the condition is still false after `limitMs` */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Unexpected(`waited ${limitMs / 1000} s without success for ${what}`)
    await sleep(50)
  }
}

/**
 * Runs a program of `test/e2e/stubs` in the namespace of the client, with an address and JSON on standard input.
 *
 * @returns what it prints, decoded
 */
export async function runStub(rig: Rig, name: string, address: string, input: unknown): Promise<unknown> {
  const command = rig.network.inside('client', process.execPath, stub(name), address)
  return JSON.parse(await output(command, { input: JSON.stringify(input), limitMs: 120_000 })) as unknown
}
