/** What an operator does to the process: checks a site, reloads it, starts it twice, stops it. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { settleLog, slipway } from '../server.ts'
import { domain, nodes, sha256 } from '../site.ts'
import { settleClient, waitUntil } from './client.ts'

export const operationChecks: readonly Check[] = [
  {
    name: 'operation: slipway check finds nothing wrong with the site, and what is wrong with a broken one',
    async run(rig) {
      const good = await rig.at('server', slipway('check', rig.site.sitePath))
      expectEqual(good.status, 0, `exit code (${good.stdout}${good.stderr})`)
      for (const { name, address } of Object.values(nodes)) {
        expectMatch(good.stdout, new RegExp(`\\b${name}\\b.*${address}`), 'slipway check')
      }
      const broken = join(rig.dir, 'broken.yaml')
      await writeFile(broken, brokenSite(await readFile(rig.site.sitePath, 'utf8')))
      const bad = await rig.at('server', slipway('check', broken))
      expectEqual(bad.status, 1, 'exit code for a broken site')
      expectMatch(bad.stdout + bad.stderr, /broken\.yaml:\d+:\d+ clusters\.0\.nodes/, 'slipway check')
      return undefined
    },
  },
  {
    name: 'operation: libvirt takes the network and the domains that are rendered for it',
    async run(rig) {
      const site = new URL('../../../config/examples/libvirt.yaml', import.meta.url).pathname
      for (const what of [[], ['m1']]) {
        const { stdout } = await rig.at('server', slipway('render', site, 'libvirt', ...what))
        const file = join(rig.dir, 'libvirt.xml')
        await writeFile(file, stdout)
        const verdict = await rig.at('server', ['virt-xml-validate', file])
        expectEqual(verdict.status, 0, `exit code of virt-xml-validate (${verdict.stdout}${verdict.stderr})`)
      }
      return undefined
    },
  },
  {
    name: 'operation: a second server on the same address ends with a sentence and exit code 1',
    async run(rig) {
      const { status, stdout, stderr } = await rig.at(
        'server',
        slipway('serve', '--state', join(rig.dir, 'another-state'), rig.site.sitePath),
      )
      expectEqual(status, 1, `exit code (${stdout}${stderr})`)
      expectMatch(stderr, /^slipway: .*172\.16\.0\.101.*\n$/, 'standard error')
      return stderr.trim()
    },
  },
  {
    name: 'operation: SIGHUP with a broken site keeps the old plan and says so',
    async run(rig) {
      await settleClient(rig)
      const since = rig.server.lines.length
      const text = await readFile(rig.site.sitePath, 'utf8')
      try {
        await writeFile(rig.site.sitePath, brokenSite(text))
        rig.server.process.signal('SIGHUP')
        const kept = await rig.server.waitFor(
          'that the site reload was rejected',
          ({ msg }) => msg === 'site reload rejected',
          {
            since,
          },
        )
        expectMatch(kept.reason ?? '', /site\.yaml:\d+:\d+ clusters\.0\.nodes/, 'the reason in the log')
        expectEqual(await lookUp(rig, `m1.${domain}`), nodes.m1.address, 'm1 under the old plan')
        return kept.reason
      } finally {
        await rig.site.write()
      }
    },
  },
  {
    name: 'operation: SIGHUP with a changed site changes an answer',
    async run(rig) {
      expectEqual(await lookUp(rig, 'registry.example.localdomain'), '', 'registry before')
      const since = rig.server.lines.length
      await rig.site.write({ extraHosts: ['{ name: registry.example.localdomain, address: 172.16.0.90 }'] })
      rig.server.process.signal('SIGHUP')
      await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since })
      expectEqual(await lookUp(rig, 'registry.example.localdomain'), '172.16.0.90', 'registry after')
      expectEqual(await lookUp(rig, `m1.${domain}`), nodes.m1.address, 'm1 after')
      return undefined
    },
  },
  {
    name: 'operation: the log has no error but those that were provoked',
    async run(rig) {
      await settleLog()
      const provoked =
        /site reload rejected|no-such-file|etc\/passwd|theirs\.cfg|HAProxy reload failed, previous file restored/
      const errors = rig.server.lines.filter(({ level, text }) => level === 'error' && !provoked.test(text))
      expect(errors.length === 0, errors.map(({ text }) => text).join('\n'))
      return Promise.resolve(undefined)
    },
  },
]

/** After these there is no server any more. */
export const stopChecks: readonly Check[] = [
  {
    name: 'operation: SIGTERM lets a download end, then the process exits with 0',
    limitMs: 40_000,
    async run(rig) {
      await settleClient(rig)
      const file = basename(rig.payload.rootfs)
      const into = join(rig.dir, 'last.download')
      const url = `http://${addresses.server}/images/${rig.site.image}/${file}`
      const download = rig.at('client', ['curl', '-sS', '-m', '30', '--limit-rate', '8M', '-o', into, url])
      await waitUntil('the download to begin', async () => ((await sizeOf(into)) ?? 0) > 0)
      rig.server.process.signal('SIGTERM')
      const code = await rig.server.process.ended
      expectEqual(code, 0, 'exit code')
      const { status, stderr } = await download
      expectEqual(status, 0, `curl (${stderr.trim()})`)
      expectEqual(
        sha256(await readFile(into)),
        sha256(await readFile(rig.payload.rootfs)),
        'SHA-256 of the download',
      )
      return undefined
    },
  },
]

/** A role that does not exist. */
function brokenSite(text: string): string {
  return text.replace('role: bootstrap', 'role: bootstrapper')
}

async function lookUp(rig: Rig, name: string): Promise<string> {
  const command = ['dig', '+short', '+time=3', '+tries=2', `@${addresses.server}`, name]
  return (await rig.at('client', command)).stdout.trim()
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}
