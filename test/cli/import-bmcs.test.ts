import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../src/cli/command.ts'
import { importSite } from '../../src/cli/commands/import.ts'
import { readBmcs } from '../../src/cli/import-bmcs.ts'
import { credentialsFile } from '../support/bmc-power.ts'
import { fakeBmc } from '../support/fake-bmc.ts'
import { recordedTraits } from '../support/recorded-bmc.ts'
import { keptTerminal } from '../support/terminal.ts'

const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02']

t.test('machines are read from their BMCs, and only read', async (t) => {
  const bmc = await fakeBmc(t, { macs, system: { MemorySummary: { TotalSystemMemoryGiB: 64 } } })
  const credentials = credentialsFile(t)
  const address = `redfish+http://127.0.0.1:${bmc.port}`
  const facts = await readBmcs({ bmcs: [`m1.ocp.example.com=${address}`], credentials })
  t.match(facts.machines, [
    { name: 'm1.ocp.example.com', mac: macs[0], otherMacs: [macs[1]], addresses: [], bmc: address },
  ])
  t.match(facts.bmc, { credentials })
  t.match(
    facts.notes[0]?.text,
    /^m1\.ocp\.example\.com: manufacturer Contoso, model R1, serial number ABC123, UUID 4c4c4544-\S+, memory 64 GiB, MAC addresses 52:\S+ 52:\S+$/,
  )
  const changing = bmc.requests.filter((each) => !/^GET |Sessions/.test(each))
  t.same(changing, [], 'no request changes the machine')
  t.equal(bmc.sessions.size, 0)
})

t.test('what a BMC does not report, and BMCs that cannot be read, are listed', async (t) => {
  const bare = await fakeBmc(t, {
    system: { HostName: 'w1', SerialNumber: '', EthernetInterfaces: undefined },
  })
  const nameless = await fakeBmc(t)
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  closed.close()
  await once(closed, 'close')
  const bmcs = [bare.port, nameless.port, port].map((each) => `redfish+http://127.0.0.1:${each}`)
  const { notes, machines } = await readBmcs({
    ...{
      bmcs,
      credentials: credentialsFile(t),
      limits: { connectMs: 20_000, timeoutMs: 20_000, retryMs: 1 },
    },
  })
  t.match(machines, [{ name: 'w1' }, { addresses: [] }])
  t.match(notes[0]?.text, /^w1: .*; the BMC does not report: serial number, memory, MAC addresses$/)
  t.match(notes[1]?.text, /^a machine without a name: /)
  t.match(notes[2]?.text, /^not read: BMC 127\.0\.0\.1:\d+ /)
  const refused = await readBmcs({
    ...{ bmcs: bmcs.slice(0, 1), credentials: credentialsFile(t, { username: 'admin', password: 'wrong' }) },
  })
  t.match(refused.notes[0]?.text, /^not read: .*refused the user name or the password/)
  t.same(refused.machines, [])
})

t.test('the site file has the node with its BMC, and the password is not in it', async (t) => {
  const bmc = await fakeBmc(t, { macs })
  const credentials = credentialsFile(t)
  const address = `redfish+http://127.0.0.1:${bmc.port}`
  const terminal = keptTerminal()
  const code = await importSite.run(
    ['--bmc', `master0.ocp.example.com=${address}`, '--credentials', credentials],
    terminal,
  )
  const site = terminal.outLines.join('\n')
  t.equal(code, 1, 'addresses are missing')
  t.match(site, `bmc: ${address}`)
  t.match(site, `bmc: { credentials: ${credentials} }`)
  t.match(site, /name: master0/)
  t.match(site, /mac: \[ "52:54:00:00:00:01", "52:54:00:00:00:02" \]/)
  t.match(site, new RegExp(`^# - 127\\.0\\.0\\.1:${bmc.port}: master0\\S+: manufacturer Contoso`, 'm'))
  t.notMatch(site, 'pass=word')
})

t.test('MAC addresses that only the network adapters have are imported', async (t) => {
  const bmc = await fakeBmc(t, recordedTraits('lenovo-xcc'))
  const address = `redfish+http://127.0.0.1:${bmc.port}`
  const { machines, notes } = await readBmcs({ bmcs: [`w1=${address}`], credentials: credentialsFile(t) })
  t.match(machines, [{ name: 'w1', mac: '00:00:5e:00:53:60', otherMacs: ['00:00:5e:00:53:61'] }])
  t.match(notes[0]?.text, /model ThinkSystem SR650, .*; the BMC does not report: memory$/)
})

t.test('command lines that do not name BMCs and credentials', async (t) => {
  const run = (...args: string[]) => importSite.run(args, keptTerminal())
  await t.rejects(
    run('--bmc', '172.16.1.21'),
    new UsageError('--bmc and --credentials need each other: the file has the password of the BMCs'),
  )
  await t.rejects(run('--credentials', 'x', 'site.yaml'), UsageError)
  await t.rejects(readBmcs({ bmcs: ['m1=a b'], credentials: '/x' }), /is not the address of a BMC/)
  await t.rejects(readBmcs({ bmcs: ['172.16.1.21'], credentials: 'a b' }), /is neither a path nor the name/)
  const ca = join(t.testdir(), 'missing.pem')
  const { notes } = await readBmcs({ bmcs: ['172.16.1.21'], credentials: credentialsFile(t), ca })
  t.match(notes[0]?.text, /^not read: cannot read the CA of BMC/)
})

t.test(
  'a machine in another file gets its BMC, because its MAC address is the first one of the BMC',
  async (t) => {
    const bmc = await fakeBmc(t, { macs })
    const address = `redfish+http://127.0.0.1:${bmc.port}`
    const file = join(
      t.testdir({
        'dhcpd.conf': `subnet 192.0.2.0 netmask 255.255.255.0 { }
host master0.ocp.example.com { hardware ethernet ${macs[0]}; fixed-address 192.0.2.11; }
`,
      }),
      'dhcpd.conf',
    )
    const terminal = keptTerminal()
    await importSite.run(['--bmc', address, '--credentials', credentialsFile(t), file], terminal)
    const site = terminal.outLines.join('\n')
    t.equal(site.match(/name: master0/g)?.length, 1)
    t.match(
      site,
      new RegExp(`name: master0[^}]*192\\.0\\.2\\.11[^}]*bmc: redfish\\+http://127\\.0\\.0\\.1:${bmc.port}`),
    )
  },
)
