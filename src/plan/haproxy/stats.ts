/**
 * Compiles the statistics page of HAProxy and its users. Without the file of its users there is no page, because every
 * client could read it. Pure.
 */
import { defined } from '../../text/defined.ts'
import type { PlanFinding } from '../codes.ts'
import type { AddedFileFact } from '../facts.ts'
import type { Model } from '../model.ts'
import { bindText, type StatsPage, type StatsUser } from './plan.ts'

export function compileStats({ site, facts }: Model): {
  readonly stats: StatsPage | undefined
  readonly findings: readonly PlanFinding[]
} {
  const stats = site.haproxy?.stats
  if (stats === undefined) return { stats: undefined, findings: [] }
  const { bind, uri, refreshSeconds, users: file } = stats
  const users = file === undefined ? [] : readUsers(file, facts.statsUsers)
  if (typeof users === 'string') {
    const message = `the statistics page is omitted: ${users}`
    return {
      stats: undefined,
      findings: [{ code: 'haproxy.stats-users-invalid', severity: 'error', about: 'haproxy', message }],
    }
  }
  return { stats: { binds: bind.map(bindText), uri, users, ...defined({ refreshSeconds }) }, findings: [] }
}

/** A hash of crypt(3): SHA-256 (`$5$`) or SHA-512 (`$6$`), with at most 99,999 rounds. */
export const hashPattern = String.raw`\$[56]\$(?:rounds=[1-9]\d{3,4}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}`
export const userPattern = '[A-Za-z0-9_.-]{1,64}'

const maxUsers = 1000

/** @returns why the file cannot be used, without its text */
function readUsers(path: string, fact: AddedFileFact | undefined): readonly StatsUser[] | string {
  if (fact?.kind !== 'found') return fact?.problem ?? `${path} was not read`
  const lines = new TextDecoder().decode(fact.content).split(/\r?\n/)
  const users: StatsUser[] = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name = '', hash = ''] = new RegExp(`^(${userPattern}):(${hashPattern})$`).exec(line) ?? []
    if (name === '')
      return `${path}:${index + 1}: expected <user>:<hash>, with a hash of openssl passwd -6 or mkpasswd`
    if (users.some((user) => user.name === name)) return `${path}:${index + 1}: the user is already listed`
    users.push({ name, hash })
  }
  if (users.length === 0) return `${path} does not list any user`
  return users.length > maxUsers ? `${path} lists more than ${maxUsers} users` : users
}
