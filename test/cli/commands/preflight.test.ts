import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { preflight, runPreflight } from '../../../src/cli/commands/preflight.ts'
import { UsageError } from '../../../src/cli/command.ts'
import type { Probes } from '../../../src/preflight/probes.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { soundProbes } from '../../support/probes.ts'
import { siteFolder, sitePath } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const nowhere = ['--control', '/nonexistent/control.sock']

async function check(t: Test, probes: Partial<Probes>, ...more: string[]) {
  const terminal = keptTerminal({ columns: 200 })
  const folder = t.testdir(siteFolder())
  for (const role of ['bootstrap', 'master', 'worker']) chmodSync(join(folder, `ignition/${role}.ign`), 0o600)
  const path = sitePath(folder)
  const code = await runPreflight([...more, path], terminal, { ...soundProbes, ...probes })
  return { code, ...terminal }
}

t.test('a correctly configured machine gets a line for each check and exit code 0', async (t) => {
  const { code, outLines } = await check(t, {}, ...nowhere)
  t.equal(code, 0)
  t.match(outLines[0], /^ok {7}site {7}all files of 2 nodes are there/)
  t.equal(outLines.at(-1), '15 ok, 0 warnings, 0 failures')
})

t.test('a warning does not change the exit code, a failure does', async (t) => {
  const bind = (code: string) => ({ bind: () => Promise.resolve(code) })
  const warned = await check(t, bind('EACCES'), ...nowhere)
  t.equal(warned.code, 0)
  t.match(
    warned.outLines.join('\n'),
    /^warning {2}ports {6}udp port 67 \(dhcp\) needs a privilege\n +-> Run the command as root/m,
  )
  const failed = await check(t, bind('EADDRINUSE'), ...nowhere)
  t.equal(failed.code, 1)
  t.match(failed.outLines.at(-1), / 5 failures$/)
})

t.test('--json prints one document with the codes, and --registry replaces the default', async (t) => {
  const asked: string[] = []
  const httpStatus = (url: string) => {
    asked.push(url)
    return Promise.resolve({ status: 404 })
  }
  const registries = ['--registry', 'mirror.example.net:5000', '--registry', 'quay.io']
  const { code, outLines } = await check(t, { httpStatus }, '--json', ...registries, ...nowhere)
  t.equal(code, 0)
  t.same(asked, ['https://mirror.example.net:5000/v2/', 'https://quay.io/v2/'])
  const { site, checks } = JSON.parse(outLines.join('\n')) as { site: string; checks: { code?: string }[] }
  t.equal(site, 'lab')
  t.same(
    checks.flatMap(({ code }) => code ?? []),
    ['preflight.registry-unreachable', 'preflight.registry-unreachable'],
  )
})

t.test('the ports of a running slipway of this site are its own', async (t) => {
  const bind = () => Promise.resolve('EADDRINUSE')
  const own = await fakeSlipway(t, { 'GET /v1/status': { site: 'lab' } })
  t.equal((await check(t, { bind }, '--control', own.path)).code, 0)
  const other = await fakeSlipway(t, { 'GET /v1/status': { site: 'other' } })
  t.equal((await check(t, { bind }, '--control', other.path)).code, 1)
  const refusing = await fakeSlipway(t, { 'GET /v1/status': new Refused(500, 'no') })
  t.equal((await check(t, { bind }, '--control', refusing.path)).code, 1)
})

t.test('a site file with errors is reported as by check', async (t) => {
  const terminal = keptTerminal()
  const path = sitePath(t.testdir(siteFolder('site: lab\n')))
  t.equal(await runPreflight([path], terminal, soundProbes), 1)
  t.match(terminal.errLines[0], /site\.yaml:\d+:\d+/)
})

t.test('two site files are a usage error', async (t) => {
  await t.rejects(preflight.run(['a.yaml', 'b.yaml'], keptTerminal()), UsageError)
})

t.test('--from-node prints a script for a node, and checks nothing here', async (t) => {
  const asked: string[] = []
  const httpStatus = (url: string) => {
    asked.push(url)
    return Promise.resolve({ status: 200 })
  }
  const { code, outLines } = await check(t, { httpStatus }, '--from-node', 'w1', '--registry', 'mirror:5000')
  t.same([code, asked], [0, []])
  t.equal(outLines[0], '#!/bin/sh')
  t.ok(outLines.includes("node='c1/w1'"))
  t.ok(outLines.includes("registries='mirror:5000'"))
  t.ok((await check(t, {}, '--from-node', 'c1/w1')).outLines.includes("registries='quay.io'"))
  await t.rejects(check(t, {}, '--from-node', 'w9'), {
    name: 'UsageError',
    message: /does not declare a node w9/,
  })
})

t.test('--install-config checks the mirrors of a disconnected site', async (t) => {
  const source = (name: string, mirror: string) => ({
    source: `quay.io/openshift-release-dev/${name}`,
    mirrors: [mirror],
  })
  const config = {
    imageDigestSources: [
      source('ocp-release', 'mirror.example.net/images'),
      source('ocp-v4.0-art-dev', 'mirror.example.net/release'),
    ],
  }
  const read = (path: string) => {
    if (path === 'broken.yaml') return Promise.resolve('pullSecret: hunter2')
    return path === 'install-config.yaml' ? Promise.resolve(JSON.stringify(config)) : soundProbes.read(path)
  }
  const option = (file: string) => ['--install-config', file, ...nowhere]
  const { outLines } = await check(t, { read }, ...option('install-config.yaml'))
  t.match(outLines.join('\n'), /^ok {7}mirrors {4}mirror\.example\.net has the mirrored repositories$/m)
  t.match(await check(t, { read }, ...option('none.yaml')), {
    code: 1,
    errLines: ['none.yaml cannot be read'],
  })
  const broken = await check(t, { read }, ...option('broken.yaml'))
  t.match(broken, { code: 1, errLines: [/^broken\.yaml has a pullSecret that is not a JSON/] })
  t.notMatch(broken.errLines.join(''), 'hunter2')
})
