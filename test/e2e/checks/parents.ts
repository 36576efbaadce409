/** slipway below a parent zone on another server, validating resolvers, and `slipway check --dns`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import { parentAddress, startParent } from '../peers/parent.ts'
import { startUnbound, unboundAddress, type UnboundPath } from '../peers/unbound.ts'
import type { Ended } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import { domain, nodes } from '../site.ts'
import { waitUntil } from './client.ts'
import { reload } from './reload.ts'

const copyAddress = '192.168.124.57'

async function digAt(rig: Rig, server: string, ...question: string[]): Promise<string> {
  const { stdout } = await rig.run('office', ['dig', '+time=3', '+tries=2', `@${server}`, ...question])
  return stdout
}

/** Returns the public key of the parent zone. */
async function parentKey(rig: Rig): Promise<string> {
  let key = ''
  await waitUntil('the key of the parent', async () => {
    const text = await digAt(rig, parentAddress, '+short', 'DNSKEY', 'example.localdomain')
    key = /^257 3 13 (.+)$/m.exec(text)?.[1]?.replaceAll(' ', '') ?? ''
    return key !== ''
  })
  return key
}

async function checkUnbound(rig: Rig, path: UnboundPath, isSigned: boolean): Promise<void> {
  const what = `${path}, ${isSigned ? 'signed' : 'unsigned'} parent`
  const parent = await startParent(rig, 'delegation', isSigned)
  try {
    await waitUntil('the parent', async () => {
      return (await digAt(rig, parentAddress, '+short', 'wiki.example.localdomain')).includes(
        '192.168.124.80',
      )
    })
    const unbound = await startUnbound(rig, path, isSigned ? await parentKey(rig) : undefined)
    try {
      await waitUntil('unbound', async () => {
        return (await digAt(rig, unboundAddress, '+short', 'wiki.example.localdomain')).includes(
          '192.168.124.80',
        )
      })
      const wiki = await digAt(rig, unboundAddress, '+dnssec', 'wiki.example.localdomain')
      expectMatch(wiki, /status: NOERROR[\s\S]*192\.168\.124\.80/, `${what}: a name of the parent`)
      expectEqual(/flags: [^;]*\bad\b/.test(wiki), isSigned, `${what}: validated`)
      const questions = [
        ['A', `m1.${domain}`, `NOERROR[\\s\\S]*\\sA\\s+${nodes.m1.address}`],
        ['A', `console.apps.${domain}`, `NOERROR[\\s\\S]*\\sA\\s+${addresses.api}`],
        ['AAAA', `m1.${domain}`, 'NOERROR'],
        ['SRV', `api.${domain}`, 'NOERROR'],
        ['TXT', domain, 'NOERROR'],
        ['A', `m9.${domain}`, 'NXDOMAIN'],
        ['DS', domain, 'NOERROR'],
      ] as const
      for (const [type, name, expected] of questions) {
        const text = await digAt(rig, unboundAddress, '+dnssec', type, name)
        expectMatch(text, new RegExp(`status: ${expected}`), `${what}: ${type} ${name}`)
      }
      if (path === 'through the delegation') return
      const reverse = await digAt(rig, unboundAddress, '+short', '-x', nodes.m1.address)
      expectEqual(reverse, `m1.${domain}.\n`, `${what}: the reverse name of m1`)
    } finally {
      await unbound.stop()
    }
  } finally {
    await parent.stop()
  }
}

function checkDns(rig: Rig, server: string): Promise<Ended> {
  return rig.run('server', slipway('check', rig.site.sitePath, '--dns-server', server))
}

/** Expects that every record is the same on a server that was given the output of `slipway render zones`. */
async function expectSameRecords(rig: Rig, server: string, what: string): Promise<string> {
  const { status, stdout, stderr } = await checkDns(rig, server)
  const [, count, total] = expectMatch(stdout + stderr, /(\d+) of (\d+) records ok/, what)
  expectEqual(count, total, `${what}: ${stdout}`)
  expectEqual(status, 0, `${what}: exit status`)
  return `${count} on ${what}`
}

async function render(rig: Rig, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await rig.run(
    'server',
    slipway('render', rig.site.sitePath, 'zones', ...args),
  )
  expectEqual(status, 0, `render zones ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function startCopy(rig: Rig, kind: 'BIND' | 'dnsmasq') {
  await rig.run('office', ['ip', 'addr', 'replace', `${copyAddress}/24`, 'dev', 'off0'])
  const dir = join(rig.dir, `copy-${kind}`)
  await mkdir(dir, { recursive: true })
  if (kind === 'dnsmasq') {
    const file = join(dir, 'site.conf')
    await writeFile(file, await render(rig, '--format', 'dnsmasq'))
    const options = ['--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${copyAddress}`]
    return rig.start('office', 'copy-dnsmasq', [
      'dnsmasq',
      '--keep-in-foreground',
      `--conf-file=${file}`,
      '--user=root',
      ...options,
    ])
  }
  const text = await render(rig)
  const zones = text.split(/^(?=; zone )/m).filter((zone) => zone.trim() !== '')
  const names = zones.map((zone) => expectMatch(zone, /^; zone (\S+)\.$/m, 'the name of a zone')[1] ?? '')
  await Promise.all(zones.map((zone, index) => writeFile(join(dir, names[index] ?? ''), zone)))
  const file = join(dir, 'named.conf')
  await writeFile(
    file,
    `options { directory "${dir}"; pid-file none; session-keyfile none; lock-file none; listen-on { ${copyAddress}; };
  listen-on-v6 { none; }; recursion no; notify no; dnssec-validation no; };
controls { };
${names.map((name) => `zone "${name}" { type primary; file "${name}"; };`).join('\n')}
`,
  )
  return rig.start('office', 'copy-bind', ['named', '-g', '-c', file, '-n', '1'])
}

export const parentChecks: readonly Check[] = [
  ...(['behind slipway', 'through the delegation'] as const).map((path): Check => ({
    name: `zones: a validating unbound ${path} accepts the zone of a cluster below a signed and an unsigned parent`,
    limitMs: 120_000,
    async run(rig) {
      try {
        await reload(rig, { baseDomainAt: parentAddress })
        for (const isSigned of [true, false]) await checkUnbound(rig, path, isSigned)
      } finally {
        await reload(rig)
      }
      return undefined
    },
  })),
  {
    name: 'zones: check --dns compares slipway, and BIND and dnsmasq with the records that slipway printed',
    limitMs: 60_000,
    async run(rig) {
      const results = [await expectSameRecords(rig, addresses.server, 'slipway')]
      for (const kind of ['BIND', 'dnsmasq'] as const) {
        const copy = await startCopy(rig, kind)
        try {
          await waitUntil(kind, async () =>
            (await digAt(rig, copyAddress, '+short', `m1.${domain}`)).includes(nodes.m1.address),
          )
          results.push(await expectSameRecords(rig, copyAddress, kind))
        } finally {
          await copy.stop()
        }
      }
      return results.join(', ')
    },
  },
  {
    name: 'zones: check --dns shows what a parent on BIND lacks, and its delegation',
    limitMs: 60_000,
    async run(rig) {
      const parent = await startParent(rig, 'delegation')
      try {
        await reload(rig, { baseDomainAt: parentAddress })
        await waitUntil('the parent', async () => {
          return (await digAt(rig, parentAddress, '+short', `m1.${domain}`)).includes(nodes.m1.address)
        })
        const { status, stdout } = await checkDns(rig, parentAddress)
        expectEqual(status, 1, 'exit status')
        expectMatch(
          stdout,
          /failure: (all of )?bastion\.example\.localdomain\S*.*missing \(NXDOMAIN\)/,
          'a host that the parent lacks',
        )
        expectNoMatch(
          stdout,
          new RegExp(`failure: .*${domain.replaceAll('.', '\\.')} A+:`),
          'the zone of the cluster',
        )
        expectMatch(
          stdout,
          new RegExp(
            `warning: ${domain}: example\\.localdomain delegates it to slipway\\.example\\.localdomain, but`,
          ),
          'the delegation',
        )
        const json = await rig.run(
          'server',
          slipway('check', rig.site.sitePath, '--json', '--dns-server', '192.168.124.250'),
        )
        const { dns } = JSON.parse(json.stdout) as { dns: { records: { status: string }[] } }
        expect(
          dns.records.every(({ status }) => status === 'unresponsive'),
          'a server that does not exist answers',
        )
        return /(\d+ of \d+ records ok)/.exec(stdout)?.[1]
      } finally {
        await reload(rig)
        await parent.stop()
      }
    },
  },
]
