/** The clients in the life cycle of the cluster: groups that send requests continuously, and the results. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../expect.ts'
import type { Guide } from '../guide.ts'
import { guide as site } from '../guide-site.ts'
import type { Failure, Tally, Target } from '../stubs/clients.ts'

type Tallies = Readonly<Record<string, Tally>>

const { api, apiInternal, ingress, users, domain } = site
const twoUsers = users.slice(0, 2)

const groups = {
  api: { address: api, port: 6443, path: '/readyz', name: `api.${domain}`, from: twoUsers },
  'api-int': { address: apiInternal, port: 6443, path: '/readyz', name: `api-int.${domain}`, from: twoUsers },
  'machine configs': {
    address: apiInternal,
    port: 22623,
    path: '/config/worker',
    name: `api-int.${domain}`,
    from: twoUsers,
  },
  // HAProxy sends each source address to one router, so several addresses reach all routers.
  http: { address: ingress, port: 80, path: '/', from: users },
  https: { address: ingress, port: 443, path: '/', name: `console.apps.${domain}`, from: users },
  'API, persistent': {
    address: api,
    port: 6443,
    path: '/readyz',
    name: `api.${domain}`,
    from: users,
    keepsConnection: true,
  },
  'bootstrap, persistent': {
    address: api,
    port: 6443,
    path: '/readyz',
    name: `api.${domain}`,
    from: twoUsers,
    keepsConnection: true,
  },
  'workers, persistent': {
    address: ingress,
    port: 443,
    path: '/',
    name: `console.apps.${domain}`,
    from: users,
    keepsConnection: true,
  },
} as const satisfies Readonly<Record<string, Target>>

type Group = keyof typeof groups

/** Counted since the tallies were last taken, including by {@link respondingAddresses}. */
let counted: Tallies = {}

export async function startClients(guide: Guide, ...names: readonly Group[]): Promise<void> {
  for (const name of names) {
    await guide.clients.start(name, { ...groups[name], authority: guide.authority })
  }
}

/** Stops groups and keeps their tallies; all groups if none is named. */
export async function stopClients(guide: Guide, ...names: readonly Group[]): Promise<void> {
  await count(guide)
  for (const name of names.length === 0 ? Object.keys(groups) : names) await guide.clients.stop(name)
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

/** Returns the addresses that responded to these groups within 1 s, sorted and unique. */
export async function respondingAddresses(guide: Guide, ...names: readonly string[]): Promise<string> {
  await count(guide)
  await sleep(1000)
  const tallies = await count(guide)
  const addresses = names.flatMap((name) => Object.keys(tallies[name]?.answers ?? {}))
  return [...new Set(addresses)].sort().join()
}

/** Runs a change during which no request may fail. @returns the number of requests */
export async function withoutFailures(guide: Guide, change: () => Promise<void>): Promise<string> {
  await change()
  const tallies = await take(guide)
  const failures = failuresOf(tallies)
  if (failures.length === 0) return summary(tallies)
  const details = Object.entries(tallies)
    .filter(([, tally]) => tally.failures.length > 0)
    .map(([name, tally]) => `${name}: ${tally.failures.map(failureText).join('; ')}`)
  throw new Unexpected(`${summary(tallies)}\n${details.join('\n')}`)
}

export function failuresOf(tallies: Tallies): readonly Failure[] {
  return Object.values(tallies).flatMap(({ failures }) => failures)
}

/** `412 requests, none failed, slowest 31 ms` */
export function summary(tallies: Tallies): string {
  const all = Object.values(tallies)
  const requests = all.reduce((sum, tally) => sum + tally.requests, 0)
  const failed = failuresOf(tallies).length
  const slowestMs = Math.max(0, ...all.map((tally) => tally.slowestMs))
  return `${requests} requests, ${failed === 0 ? 'none' : failed} failed, slowest ${slowestMs} ms`
}

function failureText({ at, afterMs, reason }: Failure): string {
  return `${new Date(at).toISOString().slice(11, 23)} after ${afterMs} ms: ${reason}`
}

async function count(guide: Guide): Promise<Tallies> {
  const { tallies: next } = await guide.clients.collect()
  const names = new Set([...Object.keys(counted), ...Object.keys(next)])
  counted = Object.fromEntries([...names].map((name) => [name, added(counted[name], next[name])]))
  return next
}

const none: Tally = { requests: 0, failures: [], slowestMs: 0, answers: {} }

function added(one = none, other = none): Tally {
  return {
    requests: one.requests + other.requests,
    failures: [...one.failures, ...other.failures],
    slowestMs: Math.max(one.slowestMs, other.slowestMs),
    answers: { ...one.answers, ...other.answers },
  }
}
