/** Operation by an administrator: validate a site, reload it, start the server twice, stop it. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { controlSocket, waitForLogFlush, slipway } from '../server.ts'
import { domain, nodes, sha256 } from '../site.ts'
import { addClientAddress, waitUntil } from './client.ts'
import { invalidSite, reload } from './reload.ts'

export const operationChecks: readonly Check[] = [
  {
    name: 'operation: slipway check accepts a valid site and reports the error of an invalid one',
    async run(rig) {
      const valid = await rig.run('server', slipway('check', rig.site.sitePath))
      expectEqual(valid.status, 0, `exit code (${valid.stdout}${valid.stderr})`)
      for (const { name, address } of Object.values(nodes)) {
        expectMatch(valid.stdout, new RegExp(`\\b${name}\\b.*${address}`), 'slipway check')
      }
      const invalidPath = join(rig.dir, 'invalid.yaml')
      await writeFile(invalidPath, invalidSite(await readFile(rig.site.sitePath, 'utf8')))
      const invalid = await rig.run('server', slipway('check', invalidPath))
      expectEqual(invalid.status, 1, 'exit code for an invalid site')
      expectMatch(invalid.stdout + invalid.stderr, /invalid\.yaml:\d+:\d+ ocp45\/\w+ /, 'slipway check')
      return undefined
    },
  },
  {
    name: 'operation: libvirt accepts the rendered network and domains',
    async run(rig) {
      const site = new URL('../../../config/examples/libvirt.yaml', import.meta.url).pathname
      for (const args of [[], ['m1']]) {
        const { stdout } = await rig.run('server', slipway('render', site, 'libvirt', ...args))
        const file = join(rig.dir, 'libvirt.xml')
        await writeFile(file, stdout)
        const validation = await rig.run('server', ['virt-xml-validate', file])
        expectEqual(
          validation.status,
          0,
          `exit code of virt-xml-validate (${validation.stdout}${validation.stderr})`,
        )
      }
      return undefined
    },
  },
  {
    name: 'operation: a second server on the same address exits with one line and exit code 1',
    async run(rig) {
      const { status, stdout, stderr } = await rig.run(
        'server',
        slipway('serve', '--state', join(rig.dir, 'another-state'), rig.site.sitePath),
      )
      expectEqual(status, 1, `exit code (${stdout}${stderr})`)
      expectMatch(stderr, /^slipway: .*172\.16\.0\.101.*\n$/, 'standard error')
      return stderr.trim()
    },
  },
  {
    name: 'operation: SIGHUP with an invalid site keeps the current plan and logs the error',
    async run(rig) {
      await addClientAddress(rig)
      const since = rig.server.lines.length
      const text = await readFile(rig.site.sitePath, 'utf8')
      try {
        await writeFile(rig.site.sitePath, invalidSite(text))
        rig.server.process.signal('SIGHUP')
        const rejected = await rig.server.waitFor(
          'that the site reload was rejected',
          ({ msg }) => msg === 'site reload rejected',
          {
            since,
          },
        )
        expectMatch(rejected.reason ?? '', /site\.yaml:\d+:\d+ ocp45\/\w+ /, 'the reason in the log')
        expectEqual(await lookUp(rig, `m1.${domain}`), nodes.m1.address, 'address of m1 in the current plan')
        return rejected.reason
      } finally {
        await rig.site.write()
      }
    },
  },
  {
    name: 'operation: SIGHUP with a changed site changes a DNS answer',
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
    name: 'operation: a reload that is not confirmed in time is rolled back, and a rollback can be undone',
    limitMs: 60_000,
    async run(rig) {
      await addClientAddress(rig)
      const name = 'confirmed.example.localdomain'
      const socket = controlSocket(rig.site.sitePath)
      const run = (...args: string[]) => rig.run('server', slipway(...args, '--control', socket))
      await rig.site.write({ extraHosts: [`{ name: ${name}, address: 172.16.0.91 }`] })
      const planned = await run('plan', rig.site.sitePath)
      expectEqual(planned.status, 2, `exit code of plan (${planned.stdout}${planned.stderr})`)
      expectMatch(planned.stdout, /^ {2}\+ host confirmed\.example\.localdomain$/m, 'slipway plan')
      expectEqual(await lookUp(rig, name), '', 'the name before the reload')
      const reloaded = await run('reload', '--confirm', '10s')
      expectMatch(reloaded.stdout, /^Not confirmed: slipway rolls back at /m, 'slipway reload')
      expectEqual(await lookUp(rig, name), '172.16.0.91', 'the name before the confirmation')
      await waitUntil('the rollback', async () => (await lookUp(rig, name)) === '', 20_000)
      expectMatch((await run('status')).stdout, /was not confirmed in time/, 'slipway status')
      expectEqual((await run('reload')).status, 0, 'exit code of a reload of the same file')
      expectEqual((await run('rollback')).status, 0, 'exit code of rollback')
      expectEqual(await lookUp(rig, name), '', 'the name after the rollback')
      expectEqual((await run('rollback')).status, 0, 'exit code of the second rollback')
      expectEqual(await lookUp(rig, name), '172.16.0.91', 'the name after the second rollback')
      await reload(rig)
      return planned.stdout.trim().split('\n').at(-1)
    },
  },
  {
    name: 'operation: the log has no errors except the expected ones',
    async run(rig) {
      await waitForLogFlush()
      const expected =
        /site reload rejected|no-such-file|etc\/passwd|invalid\.cfg|HAProxy reload failed, previous file restored/
      const errors = rig.server.lines.filter(({ level, text }) => level === 'error' && !expected.test(text))
      expect(errors.length === 0, errors.map(({ text }) => text).join('\n'))
      return Promise.resolve(undefined)
    },
  },
]

/** The last checks: they stop the server. */
export const stopChecks: readonly Check[] = [
  {
    name: 'operation: after SIGTERM a download completes, then the process exits with 0',
    limitMs: 40_000,
    async run(rig) {
      await addClientAddress(rig)
      const file = basename(rig.payload.rootfs)
      const into = join(rig.dir, 'last.download')
      const url = `http://${addresses.server}/images/${rig.site.image}/${file}`
      const download = rig.run('client', ['curl', '-sS', '-m', '30', '--limit-rate', '8M', '-o', into, url])
      await waitUntil('the download to start', async () => ((await sizeOf(into)) ?? 0) > 0)
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

async function lookUp(rig: Rig, name: string): Promise<string> {
  const command = ['dig', '+short', '+time=3', '+tries=2', `@${addresses.server}`, name]
  return (await rig.run('client', command)).stdout.trim()
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}
