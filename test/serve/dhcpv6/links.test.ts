import t from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { createLinks, createNetworksOn } from '../../../src/serve/dhcpv6/links.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ipv6Plan } from '../../support/ipv6-site.ts'
import { silentLog } from '../../support/silent-log.ts'

const plan = ipv6Plan()
const own = (address: string, scopeid = 0) => ({ address, netmask: '', cidr: null, internal: false, scopeid })
const loopback = { ...own('fd00:16::1'), internal: true }

t.test('the group is joined only on interfaces with an address in a declared network', (t) => {
  const clock = fakeClock()
  const joined: string[] = []
  let interfaces: Record<string, ReturnType<typeof own>[] | undefined> = {
    lo: [loopback],
    ens3: [own('2001:db8::1'), own('192.0.2.2')],
    ens4: [own('fd00:16::101'), own('fe80::1', 7)],
    none: undefined,
  }
  const links = createLinks({
    plan: () => plan,
    ports: [{ join: (group, name) => void joined.push(`${group} ${name}`) }, {}],
    clock,
    log: silentLog(),
    interfaces: () => interfaces,
  })
  t.same(joined, ['ff02::1:2 ens4'])
  t.same(links.names(), ['ens4'])
  t.same(
    links.networksOn('ens4').map(({ network }) => network),
    ['fd00:16::'],
  )
  t.same(links.networksOn('ens3'), [])

  interfaces = { ...interfaces, ens5: [own('fd00:17::101'), own('fe80::2', 8)] }
  clock.advance(5000)
  t.same(joined, ['ff02::1:2 ens4', 'ff02::1:2 ens5'], 'an interface that gets its address later')
  interfaces = { ens4: [own('fd00:16::101'), own('fe80::1', 9)] }
  clock.advance(5000)
  t.same(joined.slice(2), ['ff02::1:2 ens4'], 'an interface that was created again')
  t.same(links.names(), ['ens4'])
  links.close()
  interfaces = {}
  clock.advance(60_000)
  t.same(links.names(), ['ens4'], 'no longer read')
  t.end()
})

t.test('an interface that cannot join is logged once and tried again', (t) => {
  const clock = fakeClock()
  const lines: string[] = []
  let attempts = 0
  const links = createLinks({
    plan: () => plan,
    ports: [
      {
        join() {
          if (++attempts < 3) throw new Error('no such device')
        },
      },
    ],
    clock,
    log: createLog('info', { write: (line: string) => void lines.push(line) }),
    interfaces: () => ({ ens4: [own('fd00:16::101', 7)] }),
  })
  clock.advance(20_000)
  t.equal(attempts, 3)
  t.equal(lines.length, 1)
  t.match(lines[0], /dhcpv6.group-not-joined/)
  links.close()
  t.end()
})

t.test('a thread that does not join groups reads the interfaces each second, and for each plan', (t) => {
  const clock = fakeClock()
  let reads = 0
  let active = plan
  const networksOn = createNetworksOn(
    () => active,
    clock,
    () => {
      reads++
      return { lo: [loopback], ens4: [own('fd00:16::101', 7)] }
    },
  )
  t.same(
    networksOn('ens4').map(({ network }) => network),
    ['fd00:16::'],
  )
  t.same([networksOn('ens5'), networksOn('lo'), reads], [[], [], 1])
  clock.advance(1000)
  networksOn('ens4')
  t.equal(reads, 2)
  active = ipv6Plan()
  t.equal(networksOn('ens4')[0], active.subnets[0]?.network)
  t.equal(reads, 3)
  t.end()
})
