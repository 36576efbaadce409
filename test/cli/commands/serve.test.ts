import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { UsageError, type Command } from '../../../src/cli/command.ts'
import { node } from '../../../src/cli/commands/node/node.ts'
import { reload } from '../../../src/cli/commands/reload.ts'
import { serve } from '../../../src/cli/commands/serve.ts'
import { socketPath } from '../../support/control-service.ts'
import { freePorts, readAll, start, startWith } from '../../support/serve-process.ts'
import { uninstrumented } from '../../support/uninstrumented.ts'
import { keptTerminal } from '../../support/terminal.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { until } from '../../support/until.ts'

t.test(
  'serves, reloads on SIGHUP, keeps the old plan if the new site is invalid, and ends on SIGTERM',
  async (t) => {
    const ports = await freePorts()
    const folder = t.testdir(siteFolder(siteText(ports)))
    const path = sitePath(folder)
    const server = start(t, path, [process.execPath, []])
    const script = async (node: string) =>
      (await fetch(`http://127.0.0.1:${ports.http}/boot/c1/${node}/boot.ipxe`)).status

    const serving = await server.line('serving')
    t.match(serving, { site: 'lab', nodes: 2, pid: server.child.pid })
    t.match(serving['listening'], [`dns udp 127.0.0.1:${ports.dns}`])
    t.equal(await script('w1'), 200)
    t.equal(await script('w2'), 404)

    const third = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:03", address: 192.0.2.22 }\n'
    await writeFile(path, siteText(ports, third))
    server.child.kill('SIGHUP')
    t.match(await server.line('site reloaded'), { nodes: 3 })
    t.equal(await script('w2'), 200)

    await writeFile(path, siteText(ports, `${third}racks: []\n`))
    server.child.kill('SIGHUP')
    t.match(await server.line('site reload rejected'), {
      level: 'error',
      reason: /:\d+:\d+ /,
    })
    t.equal(await script('w2'), 200)

    await writeFile(path, siteText({ ...ports, http: ports.http + 1 }))
    server.child.kill('SIGHUP')
    const moved = 'server.address, server.address6, or server.ports changed: restart the service to bind them'
    t.match(await server.line('site reload rejected'), { reason: moved })

    await writeFile(path, withoutNames(siteText(ports)))
    server.child.kill('SIGHUP')
    const closed = 'dns.serve changed: restart the service to open or close the sockets'
    t.match(await server.line('site reload rejected'), { reason: closed })

    await writeFile(path, siteText(ports).replace('/24 }', '/24, dhcp: proxy }'))
    server.child.kill('SIGHUP')
    const proxied =
      'the only subnet with dhcp: proxy was added or removed: restart the service to open or close its socket'
    t.match(await server.line('site reload rejected'), { reason: proxied })

    const health = (await (await fetch(`http://127.0.0.1:${ports.http}/health`)).json()) as object
    t.match(health, {
      site: 'lab',
      nodes: 3,
      counters: { 'app.reloads': 1, 'app.reloadsRefused': 4 },
      strangers: [],
    })

    server.child.kill('SIGTERM')
    t.match(await server.line('stopped'), { code: 0 })
    t.same(await once(server.child, 'exit'), [0, null])
  },
)

t.test('a node is added, armed, and removed again while it serves', async (t) => {
  const ports = await freePorts()
  const text = siteText(ports).replace('disk: /dev/sda', 'disk: /dev/sda\n    boot: local')
  const path = sitePath(t.testdir(siteFolder(text)))
  const control = socketPath(t)
  const server = startWith(['--state', join(dirname(path), 'state'), '--control', control, path])
  await server.line('serving')
  const script = async () => {
    const response = await fetch(`http://127.0.0.1:${ports.http}/boot/c1/w2/boot.ipxe`)
    return { status: response.status, text: await response.text() }
  }
  const run = async (command: Command, ...args: string[]) => {
    const terminal = keptTerminal()
    const code = await command.run([...args, '--control', control], terminal)
    return { code, out: terminal.outLines, err: terminal.errLines }
  }
  const w2 = ['--role', 'worker', '--mac', '00:00:5e:00:53:03', '--address', '192.0.2.22', path]

  t.match(await run(node, 'add', 'w2', '--until', 'armed', ...w2), {
    code: 0,
    out: [
      `${path}:18: c1/w2 is declared`,
      'site reloaded: 3 nodes',
      'c1/w2: armed: armed by an administrator',
      /^next: power on c1\/w2/,
      /^next: /,
    ],
  })
  t.match(await server.line('site reloaded'), { nodes: 3 })
  t.match(await script(), { status: 200, text: 'c1/w2' })
  const again = await run(node, 'add', 'w2', '--until', 'armed', ...w2)
  t.match(again, {
    code: 0,
    out: [`${path}:18: c1/w2 is already declared`, 'c1/w2: armed: armed by an administrator'],
  })

  await writeFile(path, `${await readFile(path, 'utf8')}racks: []\n`)
  t.match(await run(reload), {
    code: 1,
    err: [`${path}:19:1 racks: unknown key`, /the current plan stays active: resolve the problems above/],
  })
  await writeFile(path, (await readFile(path, 'utf8')).replace('racks: []\n', ''))
  t.match(await run(reload), { code: 0, out: ['site reloaded: 3 nodes'] })

  t.match(await run(node, 'remove', 'w2', path), {
    code: 0,
    out: [
      `${path}:18: c1/w2 removed`,
      'site reloaded: 2 nodes',
      / waiting up to 1:05:00 for HAProxy to drain c1\/w2$/,
      / this slipway does not write a load balancer configuration$/,
      'left to do: oc adm drain w2.c1.example.net --ignore-daemonsets --delete-emptydir-data',
    ],
  })
  t.equal(await readFile(path, 'utf8'), text)
  t.match(await script(), { status: 404 })
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [0, null])
})

t.test('after a restart with an invalid site file, the last valid site is served', async (t) => {
  const ports = await freePorts()
  const path = sitePath(t.testdir(siteFolder(siteText(ports))))
  const condition = async () =>
    (await (await fetch(`http://127.0.0.1:${ports.http}/health`)).json()) as { siteFileDiffers: boolean }
  const stop = async ({ child }: ReturnType<typeof start>) => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  const first = start(t, path)
  await first.line('serving')
  t.equal((await condition()).siteFileDiffers, false)
  await stop(first)

  await writeFile(path, siteText(ports, 'racks: []\n'))
  const second = start(t, path)
  t.match(await second.line('site file invalid, serving the last valid site'), {
    level: 'error',
    code: 'site.last-good-served',
    reasons: [/:\d+:1 racks: unknown key/],
  })
  t.match(await second.line('serving'), { site: 'lab', nodes: 2 })
  t.equal((await fetch(`http://127.0.0.1:${ports.http}/boot/c1/w1/boot.ipxe`)).status, 200)
  t.equal((await condition()).siteFileDiffers, true)
  t.match(
    await (await fetch(`http://127.0.0.1:${ports.http}/metrics`)).text(),
    /^slipway_site_file_differs 1$/m,
  )
  await writeFile(path, siteText(ports))
  second.child.kill('SIGHUP')
  await second.line('site reloaded')
  t.equal((await condition()).siteFileDiffers, false)
  await stop(second)
})

t.test(
  'a start removes temporary files that a killed process left beside the files of slipway',
  async (t) => {
    const dead = spawnSync('true').pid
    const more = 'haproxy: { file: haproxy/haproxy.cfg, socket: /nowhere/admin.sock }\n'
    const folder = t.testdir({
      ...siteFolder(siteText(await freePorts(), more)),
      haproxy: { [`.haproxy.cfg.${dead}.new`]: '' },
      state: { [`.bootstraps.json.${dead}.new`]: '' },
    })
    await writeFile(join(folder, 'image', `.rhcos.tar.${dead}.new`), '')
    const server = start(t, sitePath(folder))
    const { files } = await server.line('temporary files of an earlier process removed')
    t.same(
      (files as string[]).map((file) => basename(file)).sort(),
      ['.bootstraps.json', '.haproxy.cfg', '.rhcos.tar'].map((name) => `${name}.${dead}.new`),
    )
    server.child.kill('SIGKILL')
  },
)

t.test('a SIGHUP while the process starts reloads the site when it serves', async (t) => {
  const early = `import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (url.endsWith('/cli/commands/serve.ts')) process.kill(process.pid, 'SIGHUP')
    return next(url, context)
  },
})`
  const folder = t.testdir(siteFolder(siteText(await freePorts())))
  const preload = `data:text/javascript,${encodeURIComponent(early)}`
  const server = start(t, sitePath(folder), uninstrumented(process.execPath, '--import', preload))
  await server.line('serving')
  await server.line('site reloaded')
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [0, null])
})

t.test('an address that this machine lacks is one sentence; exit code 1', async (t) => {
  const text = siteText(await freePorts()).replace('address: 127.0.0.1', 'address: 203.0.113.77')
  const { child } = start(t, sitePath(t.testdir(siteFolder(text))))
  const [err, ended] = await Promise.all([readAll(child.stderr), once(child, 'exit')])
  t.same(ended, [1, null])
  t.match(
    err,
    /^slipway: cannot listen on udp 203\.0\.113\.77:\d+ for dns: no interface of this machine has the address .*\n$/,
  )
})

t.test('with --wait-for-address, slipway waits for an address that this machine lacks', async (t) => {
  const text = siteText(await freePorts()).replace('address: 127.0.0.1', 'address: 203.0.113.77')
  const path = sitePath(t.testdir(siteFolder(text)))
  const server = startWith(['--state', join(dirname(path), 'state'), '--wait-for-address', path])
  t.match(await server.line('waiting for the address'), { code: 'server.address-missing' })
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [null, 'SIGTERM'])
})

t.test('a missing interface is one sentence; exit code 1', async (t) => {
  const text = siteText(await freePorts()).replace('server: {', 'server: { interface: none0,')
  const { child } = start(t, sitePath(t.testdir(siteFolder(text))))
  const [err, ended] = await Promise.all([readAll(child.stderr), once(child, 'exit')])
  t.same(ended, [1, null])
  t.match(err, /^slipway: cannot serve on none0: no interface with this name is up .*\n$/)
})

t.test(
  'without dns.serve no DNS socket is opened, and haproxy.cfg is written if the site configures it',
  async (t) => {
    const ports = await freePorts()
    const more =
      'haproxy: { file: haproxy.cfg, socket: /nowhere/admin.sock, reload: "echo reloaded > reloaded" }\n'
    const text = withoutNames(siteText(ports, more))
    const folder = t.testdir(siteFolder(text.replace('> reloaded', '> REPLACED')))
    await writeFile(sitePath(folder), text.replace('> reloaded', `> ${folder}/reloaded`))
    const server = start(t, sitePath(folder))
    const serving = await server.line('serving')
    t.notMatch(JSON.stringify(serving['listening']), 'dns')
    // On a busy machine, slipway serves before HAProxy is reloaded.
    let haproxy: { readonly isChanging?: boolean } = {}
    await until(async () => {
      const response = await fetch(`http://127.0.0.1:${ports.http}/health`)
      haproxy = ((await response.json()) as { haproxy: typeof haproxy }).haproxy
      return haproxy.isChanging !== true
    })
    t.match(haproxy, {
      applied: { outcome: 'reloaded' },
      unreachable: /^socket \/nowhere\/admin\.sock does not exist: /,
      servers: [],
      out: [],
    })
    t.match(await readFile(`${folder}/haproxy.cfg`, 'utf8'), 'bind 192.0.2.5:6443')
    t.equal(await readFile(`${folder}/reloaded`, 'utf8'), 'reloaded\n')
    server.child.kill('SIGINT')
    t.same(await once(server.child, 'exit'), [0, null])
  },
)

t.test('creates its missing directories, readable only by its user', async (t) => {
  const path = sitePath(t.testdir(siteFolder(siteText(await freePorts()))))
  const above = dirname(socketPath(t))
  const [state, runtime] = [join(above, 'state'), join(above, 'run')]
  const directories = {
    STATE_DIRECTORY: `${state}:${above}/more`,
    RUNTIME_DIRECTORY: `${runtime}:${above}/more`,
  }
  const server = startWith([path], directories)
  const serving = await server.line('serving')
  t.equal((serving['listening'] as string[]).at(-1), `control unix ${runtime}/control.sock`)
  for (const folder of [state, runtime]) t.equal((await stat(folder)).mode & 0o777, 0o700, folder)
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [0, null])
})

t.test('serves on the control socket that the commands use', async (t) => {
  const path = sitePath(t.testdir(siteFolder(siteText(await freePorts()))))
  const control = socketPath(t)
  const server = startWith(['--state', join(dirname(path), 'state'), path], { SLIPWAY_CONTROL: control })
  const serving = await server.line('serving')
  t.equal((serving['listening'] as string[]).at(-1), `control unix ${control}`)
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [0, null])
})

t.test('the directory of a given control socket is not created', async (t) => {
  const path = sitePath(t.testdir(siteFolder(siteText(await freePorts()))))
  const folder = join(dirname(socketPath(t)), 'none')
  const { child } = startWith(['--state', join(dirname(path), 'state'), '--control', `${folder}/s`, path])
  const [err, ended] = await Promise.all([readAll(child.stderr), once(child, 'exit')])
  t.same(ended, [1, null])
  t.equal(
    err,
    `slipway: cannot listen on ${folder}/s: its directory does not exist; create it, or set --control to another path\n`,
  )
})

t.test('invalid command lines are refused', async (t) => {
  const wrong: [string[], string][] = [
    [[], 'expected one site file'],
    [['a', 'b'], 'expected one site file'],
    [['--log-level', 'loud', 'a'], '--log-level: expected one of debug, info, warn, error'],
    [['--log-format', 'xml', 'a'], '--log-format: expected one of text, json'],
    [['--state', '', 'a'], '--state: expected the name of a directory'],
    [['--control', '', 'a'], '--control: expected the path of a socket'],
  ]
  for (const [args, message] of wrong)
    await t.rejects(serve.run(args, keptTerminal()), new UsageError(message))
})

/** Names are served elsewhere. */
function withoutNames(text: string): string {
  return text.replace('forward: [192.0.2.53]', 'serve: false').replace('/24 }', '/24, dns: [192.0.2.53] }')
}
