import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { check } from '../../../src/cli/commands/check.ts'
import { createInit, init } from '../../../src/cli/commands/init.ts'
import { UsageError } from '../../../src/cli/command.ts'
import type { InterfaceAddresses } from '../../../src/host/attached-networks.ts'
import { keptTerminal } from '../../support/terminal.ts'

const interfaces: InterfaceAddresses = {
  lo: [{ address: '127.0.0.1', netmask: '255.0.0.0', cidr: '127.0.0.1/8', internal: true }],
  none: undefined,
  ens3: [
    { address: 'fe80::1', netmask: 'ffff::', cidr: 'fe80::1/64', internal: false },
    { address: '192.0.2.10', netmask: '255.255.255.128', cidr: '192.0.2.10/25', internal: false },
  ],
}

async function run(args: readonly string[], answers?: string[], found: InterfaceAddresses = interfaces) {
  const asked: string[] = []
  const ask = (question: string) => {
    asked.push(question)
    return Promise.resolve(answers?.shift() ?? '')
  }
  const terminal = keptTerminal()
  const command = createInit(() => ({
    interfaces: () => found,
    ask: answers === undefined ? undefined : ask,
  }))
  const code = await command.run(args, terminal)
  return { code, asked, out: terminal.outLines, err: terminal.errLines }
}

const flags = ['--gateway', '192.0.2.1', '--forward', '9.9.9.9', '--cluster', 'ocp.example.com']

t.test('empty answers accept the suggestions, and the file passes the check', async (t) => {
  const output = join(t.testdir(), 'site.yaml')
  const { code, asked, out } = await run(['--output', output], [])
  t.equal(code, 0)
  t.same(asked, [
    'Address of this machine on the network of the nodes [192.0.2.10]: ',
    'Network of the nodes [192.0.2.0/25]: ',
    'Default router of the nodes, or none [192.0.2.1]: ',
    'Resolver for all other names, or none [192.0.2.1]: ',
    'Cluster, as name.domain [ocp.example.com]: ',
  ])
  t.same(out, [
    `Wrote ${output}.`,
    `next: slipway check ${output}`,
    `Then: add the nodes of ocp.example.com at the end of ${output}`,
  ])
  t.equal(await check.run([output], keptTerminal()), 0)
  const text = readFileSync(output, 'utf8')
  t.match(text, 'server: { interface: ens3, address: 192.0.2.10 }', 'the systemd units need the interface')
  t.match(text, '  - { cidr: 192.0.2.0/25, gateway: 192.0.2.1 }')
  t.match(
    text,
    '#     loadBalancer: { api: 192.0.2.11, ingress: 192.0.2.12 }',
    'free addresses as an example',
  )
  const again = await run(['--output', output], [])
  t.match(again, {
    code: 1,
    err: [`slipway init: ${output} exists and is not overwritten: name another file with --output`],
  })
})

t.test('options answer the questions, and nothing is asked without a terminal', async (t) => {
  const folder = t.testdir()
  const output = join(folder, 'site.yaml')
  t.match(
    await run(['--output', output, '--address', '10.0.0.5', ...flags]),
    { code: 1, asked: [] },
    'the gateway is elsewhere',
  )
  const all = ['--output', output, '--address', '192.0.2.10', ...flags]
  t.match(await run(all), { code: 0, asked: [] })
  await t.rejects(run(['--address', '192.0.2.10']), new UsageError('without a terminal, add --gateway'))
  await t.rejects(run([]), new UsageError('without a terminal, add --address'))
  await t.rejects(run(['--address', 'x']), new UsageError('without a terminal, add --subnet'))
  const none = join(folder, 'none.yaml')
  const more = ['--output', none, '--address', '10.0.0.5', '--gateway', 'none', '--forward', 'none']
  t.match(await run([...more, '--subnet', '10.0.0.5/8', '--cluster', 'a.b']), { code: 0 })
  t.notMatch(readFileSync(none, 'utf8'), /^dns:/m)
  t.match(readFileSync(none, 'utf8'), 'server: { address: 10.0.0.5 }', 'no interface has the address yet')
  t.match(readFileSync(none, 'utf8'), '- { cidr: 10.0.0.0/8 }')
  await t.rejects(
    run([...more, '--cluster', 'ocp']),
    new UsageError('--cluster: got ocp, expected its name and domain'),
  )
})

t.test('answers are asked again while they are missing, and wrong ones are reported', async (t) => {
  const output = join(t.testdir(), 'site.yaml')
  const empty: InterfaceAddresses = {}
  const typed = ['', '192.0.2.1', '192.0.2.0/24', '', '', 'ocp.example.com']
  const { code, err, asked } = await run(['--output', output], typed, empty)
  t.equal(code, 0)
  t.same(err, ['There is no default; enter a value.'])
  t.equal(asked.length, 6)
  t.match(asked.at(3), /\[none\]: $/, 'this machine has the first address, which may be the router')
  await t.rejects(run(['--output', output], [], empty), new UsageError('no answer; add --address'))
  const wrong = await run(['--output', `${output}2`], ['192.0.2.10', 'x', 'y', 'z', 'a.b'])
  t.equal(wrong.code, 1)
  t.match(
    wrong.err.at(-1),
    'slipway init: nothing was written: correct these answers and run the command again',
  )
})

t.test('a tiny or invalid network still has an example', async (t) => {
  const output = join(t.testdir(), 'site.yaml')
  const args = [
    '--output',
    output,
    '--address',
    '192.0.2.1',
    '--subnet',
    '192.0.2.0/30',
    '--gateway',
    '192.0.2.2',
  ]
  t.match(await run([...args, '--forward', 'none', '--cluster', 'a.b']), { code: 0 })
  t.match(readFileSync(output, 'utf8'), 'api: 172.16.0.10')
})

t.test('the command of the registry reads the interfaces of this machine', async (t) => {
  const output = join(t.testdir(), 'none', 'site.yaml')
  const terminal = keptTerminal()
  t.equal(await init.run(['--output', output, '--address', '192.0.2.10', ...flags], terminal), 1)
  t.match(terminal.errLines, [`slipway init: the directory of ${output} does not exist: create it first`])
})
