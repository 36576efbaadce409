/** HAProxy's file among others, the ways to reload it, and what sharing its addresses needs. */
import { folderOf, resolvePath } from '../file-paths.ts'
import type { Flaw } from '../flaw.ts'
import type { Rule } from './rule.ts'

/** HAProxy takes files from a folder whose names end in `.cfg` and do not begin with a dot. */
const fileIsAmongThose: Rule = {
  needs: ['haproxy'],
  check({ haproxy }): Flaw[] {
    if (haproxy === undefined || haproxy.with.length === 0) return []
    // Only to compare them: relative ones are made absolute when the site is known to be fine.
    const absolute = (path: string): string => resolvePath('', path)
    const file = absolute(haproxy.file)
    const beside = haproxy.with.map(absolute)
    if (beside.includes(file)) return []
    const path = ['haproxy', 'file']
    const other = ['haproxy', 'with']
    if (!beside.includes(folderOf(file))) {
      return [{ path, expected: 'one of the files of haproxy.with, or a file in one of its folders', other }]
    }
    const isRead = /\/[^/.][^/]*\.cfg$/.test(file)
    const expected = 'a name that ends in .cfg: HAProxy reads no other files of a folder'
    return isRead ? [] : [{ path, expected, other }]
  },
}

const oneWayToReload: Rule = {
  needs: ['haproxy'],
  check: ({ haproxy }) =>
    haproxy?.reload === undefined || haproxy.masterSocket === undefined
      ? []
      : [
          {
            path: ['haproxy', 'masterSocket'],
            at: 'key',
            message: 'haproxy is reloaded by a command or by its master socket, not by both',
            other: ['haproxy', 'reload'],
          },
        ],
}

const keepalivedIsComplete: Rule = {
  needs: ['server', 'haproxy', 'keepalived'],
  check({ server, haproxy, keepalived }): Flaw[] {
    if (keepalived === undefined) return []
    const flaw = (message: string): Flaw => ({ path: ['keepalived'], at: 'key', message })
    const flaws: Flaw[] = []
    if (haproxy === undefined) {
      flaws.push(flaw('keepalived shares the addresses of the load balancer: the section haproxy is missing'))
    }
    if (server.peers.every((peer) => peer === server.address)) {
      flaws.push(flaw('keepalived needs another machine to share with: name it in server.peers'))
    }
    if (keepalived.interface === undefined && server.interface === undefined) {
      flaws.push(flaw('keepalived needs the interface of the shared addresses: add keepalived.interface'))
    }
    return flaws
  },
}

export const balancerRules = [fileIsAmongThose, oneWayToReload, keepalivedIsComplete]
