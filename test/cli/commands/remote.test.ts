import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Command } from '../../../src/cli/command.ts'
import { doctor } from '../../../src/cli/commands/doctor.ts'
import { history } from '../../../src/cli/commands/history.ts'
import { node } from '../../../src/cli/commands/node/node.ts'
import { plan } from '../../../src/cli/commands/plan.ts'
import { state } from '../../../src/cli/commands/state.ts'
import { networkApi } from '../../support/network-api.ts'
import { keptTerminal } from '../../support/terminal.ts'

/** Runs commands against a server, with an admin token. */
async function remote(t: Test) {
  const reported = {
    site: 'ocp45-lab',
    problems: [],
    warnings: ['dns.forward: is empty'],
    refusals: {},
    nodes: [],
  }
  const condition = () => ({ ...reported, warningCodes: ['dns.forward-empty'] })
  const directory = t.testdir()
  const api = await networkApi(t, {}, { condition, stateDirectory: directory })
  const target = `https://127.0.0.1:${api.port}`
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, await api.token('admin'))
  const variables = { SLIPWAY_FINGERPRINT: api.service.state().fingerprint, SLIPWAY_TOKEN_FILE: tokenFile }
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) Reflect.deleteProperty(process.env, name)
  })
  async function run(command: Command, ...args: string[]) {
    const terminal = keptTerminal()
    const code = await command.run([...args, '--control', target], terminal)
    return { code, out: terminal.outLines, err: terminal.errLines }
  }
  const operator = async () => writeFileSync(tokenFile, await api.token('operate'))
  return { ...api, directory, target, run, operator }
}

t.test('the site file of a server is compared and printed by the server', async (t) => {
  const { run, directory, target } = await remote(t)
  t.match(await run(plan), {
    code: 2,
    out: [`the site file of ${target}, compared with the running slipway:`],
  })
  t.same(await run(history, 'show', '1'), { code: 0, out: ['site: number-1'], err: [] })
  const output = join(directory, 'site.yaml')
  t.same(await run(history, 'show', '--output', output), { code: 0, out: [`${output}: written`], err: [] })
  t.match(await run(history, 'show', '7'), {
    code: 1,
    err: ['slipway: the history has no site with the number 7'],
  })
})

t.test('a backup is written on the server', async (t) => {
  const { run, installs, directory } = await remote(t)
  const target = join(directory, 'backups/state.db')
  const written: string[] = []
  installs.backup = (file) => void written.push(file)
  t.same(await run(state, 'backup', 'state.db'), {
    ...{ code: 0, out: [`${target}: written on the server`], err: [] },
  })
  t.same(written, [target])
  for (const path of ['/backup/state.db', '../state.db', '.hidden', '']) {
    t.match(await run(state, 'backup', path), { code: 1, err: [/path must be the name of a file/] }, path)
  }
  t.same(written, [target])
  await t.rejects(run(state, 'restore', 'state.db'), {
    message: /^state restore works on files of the server/,
  })
})

t.test('doctor reports what a server reports, and checks nothing on this machine', async (t) => {
  const { run, directory } = await remote(t)
  t.match(await run(doctor), { code: 0, out: [/^warning +status +dns.forward: is empty/], err: [] })
  await t.rejects(run(doctor, '--bundle', join(directory, 'b')), {
    message: /^doctor --bundle works on files/,
  })
})

t.test('a machine is adopted in the site file of the server', async (t) => {
  const { run } = await remote(t)
  const args = ['--name', 'w9', '--role', 'worker', '--address', '172.16.0.39', '00:00:5e:00:53:77']
  t.same(await run(node, 'adopt', '--dry-run', ...args), { code: 0, out: ['+- { name: w9 }'], err: [] })
  t.same(await run(node, 'adopt', ...args), {
    code: 0,
    out: ['/etc/slipway/site.yaml:40: ocp45/w9 is declared; run "slipway reload" to serve it'],
    err: [],
  })
  const { out } = await run(node, 'adopt', '--json', ...args)
  t.match(JSON.parse(out.join('')), { node: 'ocp45/w9', line: 40, isWritten: true })
  const other = ['--name', 'w8', ...args.slice(2)]
  t.match(await run(node, 'adopt', ...other), { code: 1, err: [/name must be a host name/] })
})

t.test('a node is added to the site file of the server', async (t) => {
  const { run, operator } = await remote(t)
  const args = ['add', '--role', 'worker', '--mac', '00:00:5e:00:53:77', '--address', '172.16.0.39', 'w9']
  t.same(await run(node, ...args, '--dry-run'), { code: 0, out: ['+- { name: w9 }'], err: [] })
  // The sample server reloads, but does not serve the node afterwards.
  t.match(await run(node, ...args), {
    code: 2,
    out: ['/etc/slipway/site.yaml:40: ocp45/w9 is declared', /^site reloaded/],
    err: [/does not serve ocp45\/w9: its site file is not \/etc\/slipway\/site.yaml/],
  })
  await t.rejects(run(node, ...args, '--site', 'site.yaml'), {
    message:
      'with --server, node add changes the site file of the server: remove --site FILE, or unset SLIPWAY_SITE',
  })
  await operator()
  t.same(await run(node, ...args, '--dry-run'), { code: 0, out: ['- { name: w9 }'], err: [] })
  t.match(await run(node, ...args), { code: 1, err: [/to write the site file, the scope must be admin/] })
})

t.test('nodes are removed from the site file of the server', async (t) => {
  const { run, operator } = await remote(t)
  t.same(await run(node, 'remove', '--dry-run', 'w1'), { code: 0, out: ['-- { name: w1 }'], err: [] })
  t.match(await run(node, 'remove', '--until', 'reloaded', 'w1'), {
    code: 0,
    out: ['/etc/slipway/site.yaml:30: ocp45/w1 removed', /^site reloaded/, 'left to do: power off ocp45/w1'],
    err: [],
  })
  t.match(await run(node, 'remove', 'm1'), {
    code: 1,
    out: [],
    err: [/m1 is a control-plane node$/, /nothing was changed; --force removes them anyway$/],
  })
  t.match(await run(node, 'remove', '--dry-run', 'm1'), { code: 1, err: [/control-plane/, /add --force/] })
  t.match(await run(node, 'remove', '--force', '--until', 'reloaded', 'm1'), { code: 0 })
  const { out } = await run(node, 'remove', '--json', '--dry-run', 'w1')
  t.match(JSON.parse(out.join('')), { nodes: ['w1'], file: '/etc/slipway/site.yaml', outcome: 'done' })
  await t.rejects(run(node, 'remove', 'w7'), { message: 'the site does not declare a node w7' })
  await operator()
  t.match(await run(node, 'remove', '--dry-run', 'w1'), { out: ['/etc/slipway/site.yaml:30: ocp45/w1'] })
  t.match(await run(node, 'remove', 'w1'), { code: 1, err: [/the scope must be admin/] })
})
