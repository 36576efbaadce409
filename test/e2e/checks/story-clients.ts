/** The clients of the story: groups that never stop asking, and what became of their requests. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../expect.ts'
import type { Guide } from '../guide.ts'
import { guide as site } from '../guide-site.ts'
import type { Failure, Tally, Target } from '../stubs/clients.ts'

type Tallies = Readonly<Record<string, Tally>>

const { api, apiInternal, ingress, users, domain } = site
const some = users.slice(0, 2)

const groups = {
  api: { address: api, port: 6443, path: '/readyz', name: `api.${domain}`, from: some },
  'api-int': { address: apiInternal, port: 6443, path: '/readyz', name: `api-int.${domain}`, from: some },
  'machine configs': {
    ...{ address: apiInternal, port: 22623, path: '/config/worker', name: `api-int.${domain}`, from: some },
  },
  // HAProxy leads an address to one router: several of them meet all.
  http: { address: ingress, port: 80, path: '/', from: users },
  https: { address: ingress, port: 443, path: '/', name: `console.apps.${domain}`, from: users },
  'kept API': { address: api, port: 6443, path: '/readyz', name: `api.${domain}`, from: users, isHeld: true },
  'kept by the bootstrap': {
    ...{ address: api, port: 6443, path: '/readyz', name: `api.${domain}`, from: some, isHeld: true },
  },
  'kept by workers': {
    ...{ address: ingress, port: 443, path: '/', name: `console.apps.${domain}`, from: users, isHeld: true },
  },
} as const satisfies Readonly<Record<string, Target>>

type Group = keyof typeof groups

/** What was counted since the tallies were last taken, by {@link whoAnswers} too. */
let counted: Tallies = {}

export async function startClients(guide: Guide, ...names: readonly Group[]): Promise<void> {
  for (const name of names) {
    await guide.clients.begin(name, { ...groups[name], authority: guide.authority })
  }
}

/** What they counted stays counted; all of them when none is named. */
export async function endClients(guide: Guide, ...names: readonly Group[]): Promise<void> {
  await count(guide)
  for (const name of names.length === 0 ? Object.keys(groups) : names) await guide.clients.end(name)
}

export function clientsOf(...names: readonly Group[]): number {
  return names.reduce((sum, name) => sum + groups[name].from.length, 0)
}

/** All that was counted since it was taken before. */
export async function take(guide: Guide): Promise<Tallies> {
  await count(guide)
  const tallies = counted
  counted = {}
  return tallies
}

/** Addresses that answered some groups within a second, each once, in order. */
export async function whoAnswers(guide: Guide, ...names: readonly string[]): Promise<string> {
  await count(guide)
  await sleep(1000)
  const tallies = await count(guide)
  const addresses = names.flatMap((name) => Object.keys(tallies[name]?.answers ?? {}))
  return [...new Set(addresses)].sort().join()
}

/** Runs a change that nobody may notice. @returns how much was asked meanwhile */
export async function planned(guide: Guide, change: () => Promise<void>): Promise<string> {
  await change()
  const tallies = await take(guide)
  const failures = failuresOf(tallies)
  if (failures.length === 0) return summary(tallies)
  const told = Object.entries(tallies)
    .filter(([, tally]) => tally.failures.length > 0)
    .map(([name, tally]) => `${name}: ${tally.failures.map(failureText).join('; ')}`)
  throw new Unexpected(`${summary(tallies)}\n${told.join('\n')}`)
}

export function failuresOf(tallies: Tallies): readonly Failure[] {
  return Object.values(tallies).flatMap(({ failures }) => failures)
}

/** `412 requests, none failed, the slowest took 31 ms` */
export function summary(tallies: Tallies): string {
  const all = Object.values(tallies)
  const asked = all.reduce((sum, tally) => sum + tally.asked, 0)
  const failed = failuresOf(tallies).length
  const slowestMs = Math.max(0, ...all.map((tally) => tally.slowestMs))
  return `${asked} requests, ${failed === 0 ? 'none' : failed} failed, the slowest took ${slowestMs} ms`
}

function failureText({ at, afterMs, reason }: Failure): string {
  return `${new Date(at).toISOString().slice(11, 23)} after ${afterMs} ms: ${reason}`
}

async function count(guide: Guide): Promise<Tallies> {
  const { tallies: next } = await guide.clients.take()
  const names = new Set([...Object.keys(counted), ...Object.keys(next)])
  counted = Object.fromEntries([...names].map((name) => [name, added(counted[name], next[name])]))
  return next
}

const none: Tally = { asked: 0, failures: [], slowestMs: 0, answers: {} }

function added(one = none, other = none): Tally {
  return {
    asked: one.asked + other.asked,
    failures: [...one.failures, ...other.failures],
    slowestMs: Math.max(one.slowestMs, other.slowestMs),
    answers: { ...one.answers, ...other.answers },
  }
}
