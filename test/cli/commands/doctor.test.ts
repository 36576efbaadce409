import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { doctor, runDoctor } from '../../../src/cli/commands/doctor.ts'
import { UsageError } from '../../../src/cli/command.ts'
import type { Probes } from '../../../src/preflight/probes.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { soundProbes } from '../../support/probes.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const token = 'Zk3v9QxTq_8Lr2mWn0-YsA'
/** Everything that must not leave the machine. */
const secrets = [token, 'hunter2', 'c2VjcmV0IGNvbnRlbnQ', 'b3BlbnNoaWZ0', 'MHcCAQEE', 'topsecretfile']

/** A running slipway whose status, nodes, log, and site contain secrets. */
async function running(t: Test, more: object = {}) {
  const text = siteText().replace(
    '    disk: /dev/sda\n',
    '    disk: /dev/sda\n    files: [{ path: /etc/x, contents: topsecretfile }]\n',
  )
  const folder = t.testdir(siteFolder(text))
  for (const role of ['bootstrap', 'master', 'worker']) chmodSync(join(folder, `ignition/${role}.ign`), 0o600)
  const status = {
    site: 'lab',
    siteFile: sitePath(folder),
    uptimeSeconds: 7200,
    problems: [],
    warnings: [],
    warningCodes: [],
    refusals: {},
    nodes: [{ node: 'c1/m1' }, { node: 'c1/w1' }],
    kubeconfig: { token, password: 'hunter2' },
    ...more,
  }
  const slipway = await fakeSlipway(t, {
    'GET /v1/status': status,
    'GET /v1/nodes/c1/m1': { node: 'c1/m1', ignition: 'data:;base64,c2VjcmV0IGNvbnRlbnQ=' },
    'GET /v1/nodes/c1/w1': new Refused(404, 'no such node'),
  })
  return { folder, slipway }
}

async function run(control: string, probes: Partial<Probes> = {}, ...args: string[]) {
  const terminal = keptTerminal({ columns: 200 })
  const code = await runDoctor([...args, '--control', control], terminal, { ...soundProbes, ...probes })
  return { code, ...terminal, text: terminal.outLines.join('\n') }
}

t.test('a slipway without faults has no problem, and its ports are its own', async (t) => {
  const { slipway } = await running(t)
  const bind = () => Promise.resolve('EADDRINUSE')
  const { code, outLines } = await run(slipway.path, { bind })
  t.equal(code, 0)
  t.match(outLines[0], /^ok {7}status {5}slipway runs and reports no problem/)
  t.equal(outLines.at(-1), '16 ok, 0 warnings, 0 failures')
})

t.test('current problems are failures with the remedy of their code; refusals are counted', async (t) => {
  const codes = Object.fromEntries(
    Array.from({ length: 11 }, (_, index) => [`http.code-${index}`, index + 1]),
  )
  const { slipway } = await running(t, {
    problems: [
      { code: 'dns.resolver-unreachable', text: 'resolver 192.0.2.53 has not answered' },
      { code: 'x.y', text: 'other' },
    ],
    warnings: ['dns.forward: is empty'],
    warningCodes: ['dns.forward-empty'],
    refusals: { 'dhcp.no-reservation': 41, ...codes },
  })
  const { code, text } = await run(slipway.path)
  t.equal(code, 1)
  t.match(text, /^failure {2}status {5}resolver 192\.0\.2\.53 has not answered\n +-> Check the resolver/m)
  t.match(text, /^warning {2}status {5}dns\.forward: is empty/m)
  t.match(text, /^Refused requests since the start 2 h ago:\n {2}41 {2}dhcp\.no-reservation {2}\S/m)
  t.match(text, /and 2 more codes: slipway doctor --json$/)
  const json = await run(slipway.path, {}, '--json')
  t.match(JSON.parse(json.text), {
    site: 'lab',
    refusals: { 'dhcp.no-reservation': 41 },
    checks: [{ check: 'status', status: 'failure', code: 'dns.resolver-unreachable' }],
  })
})

t.test('a cluster that cannot be queried is a warning, but not one whose API is awaited', async (t) => {
  const trouble = 'the kubeconfig /x does not exist'
  const cluster = { cluster: 'c1', trouble, code: 'cluster.kubeconfig-missing', members: [], requests: {} }
  const reached = [{ name: 'API', state: 'reached' }]
  const { slipway } = await running(t, { clusters: [{ ...cluster, stages: reached }] })
  const { code, text } = await run(slipway.path)
  t.equal(code, 0)
  t.match(text, /^warning {2}cluster {4}c1: the kubeconfig \/x does not exist\n +-> Copy auth\/kubeconfig/m)
  const awaited = await running(t, {
    clusters: [{ ...cluster, stages: [{ name: 'API', state: 'under-way' }] }],
  })
  t.notMatch((await run(awaited.slipway.path)).text, /kubeconfig/)
})

t.test('the bundle has what support needs, and no secret', async (t) => {
  const { folder, slipway } = await running(t)
  const file = join(folder, 'support.tar.gz')
  const log = `{"msg":"served","file":"/boot/c1/m1/${token}/master.ign"}\npull secret {"auth":"b3BlbnNoaWZ0"}\n-----BEGIN KEY-----\nMHcCAQEE`
  const probes: Partial<Probes> = {
    run: (program, args) =>
      program === 'journalctl'
        ? Promise.resolve({ kind: 'done', ending: '', output: log })
        : soundProbes.run(program, args),
  }
  const { code, errLines } = await run(slipway.path, probes, '--bundle', file)
  t.equal(code, 0)
  t.match(errLines.at(-1), /^support bundle written to .*support\.tar\.gz: read it before you send it$/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const text = gunzipSync(readFileSync(file)).toString()
  for (const name of [
    'versions.json',
    'checks.json',
    'status.json',
    'plan.json',
    'nodes.json',
    'log.txt',
    'metrics.txt',
  ])
    t.match(text, name)
  t.match(text, /"siteFile": "[^"]*site\.yaml"/)
  t.match(text, 'no such node')
  t.match(text, 'slipway_uptime_seconds 7')
  for (const secret of secrets) t.notMatch(text, secret)
  const again = await run(slipway.path, probes, '--bundle', file)
  t.equal(again.code, 1, 'an existing file is not replaced')
  t.match(again.errLines.at(-1), /: it exists; name another file$/)
})

t.test(
  'a bundle is also written if the site file is invalid, and without a journal or metrics',
  async (t) => {
    const { folder, slipway } = await running(t)
    const file = join(folder, 'support.tar.gz')
    rmSync(join(folder, 'site.yaml'))
    const absent: Partial<Probes> = {
      run: () => Promise.resolve({ kind: 'missing', ending: 'not found', output: '' }),
      httpText: () => Promise.resolve(undefined),
    }
    const { code, text } = await run(slipway.path, absent, '--bundle', file)
    t.equal(code, 1)
    t.match(text, /^failure {2}site /m)
    t.match(
      gunzipSync(readFileSync(file)).toString(),
      /site-errors\.txt[^]*journalctl: not found[^]*not available/,
    )
  },
)

t.test('slipway must run', async (t) => {
  const { code, errLines } = await run('/nonexistent/control.sock')
  t.equal(code, 1)
  t.match(errLines[0], /cannot reach slipway/)
})

t.test('invalid command lines', async (t) => {
  await t.rejects(doctor.run(['w1'], keptTerminal()), UsageError)
  await t.rejects(doctor.run(['--bundle', ''], keptTerminal()), UsageError)
})
