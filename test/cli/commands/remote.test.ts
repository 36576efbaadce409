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
  return { ...api, directory, target, run }
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

t.test('nodes are added and removed on the server itself', async (t) => {
  const { run } = await remote(t)
  const added = ['add', 'w4', '--role', 'worker', '--mac', '52:54:00:00:00:24', '--address', '192.0.2.24']
  await t.rejects(run(node, ...added), { message: /^node add works on files of the server/ })
  await t.rejects(run(node, 'remove', 'w1'), { message: /^node remove works on files of the server/ })
})

t.test('a machine is adopted in the site file of the server', async (t) => {
  const { run } = await remote(t)
  const args = ['--name', 'w9', '--role', 'worker', '--address', '172.16.0.39', '00:00:5e:00:53:77']
  t.same(await run(node, 'adopt', '--dry-run', ...args), { code: 0, out: ['- { name: w9 }'], err: [] })
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
