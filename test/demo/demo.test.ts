/**
 * The main job whole: the demo's server with real sockets on loopback, its nodes, and what happens when the
 * site, the disk or the declaration is not what a node expects. One file, so that two demos never look for
 * free ports at the same moment.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { startApp } from '../../src/app.ts'
import { simulate as simulateCommand } from '../../src/cli/commands/simulate.ts'
import { choosePorts, prepareDemo } from '../../src/demo/demo-site.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createLog } from '../../src/host/log.ts'
import { createSockets } from '../../src/host/sockets.ts'
import type { Model } from '../../src/plan/model.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import { prepare } from '../../src/prepare.ts'
import { loaderChoices, type LoaderChoice } from '../../src/simulate/follow-scripts.ts'
import { simulate, type FirmwareChoice } from '../../src/simulate/simulate.ts'
import { defined } from '../../src/text/defined.ts'
import { uninstrumented } from '../support/uninstrumented.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

t.test('simulated nodes boot from the demo', async (t) => {
  const folder = join(t.testdir(), 'demo')
  const sockets = createSockets({})
  const chosen = await choosePorts(sockets)
  if (chosen === undefined) throw new Error('no free ports')
  const { sitePath } = await prepareDemo(folder, chosen.ports)
  const original = await readFile(sitePath, 'utf8')

  const load = async (): Promise<Model> => {
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') throw new Error('the demo has problems')
    return prepared.model
  }
  const prepared = await prepare(sitePath)
  if (prepared.kind !== 'ready') throw new Error('the demo has problems')
  const app = await startApp({
    sitePath,
    prepared,
    sockets,
    store: openMemoryStore(),
    log: createLog('error', { write: () => undefined }),
    onLost: (error) => {
      throw error
    },
  })
  t.teardown(() => app.close(0))

  /** Endings and problems by node. */
  const boot = async (
    model: Model,
    names: readonly string[],
    firmware: FirmwareChoice = 'uefi',
    loader?: LoaderChoice,
  ) => {
    const nodes = model.nodes.filter(({ name }) => names.includes(name))
    const order: string[] = []
    const { boots } = await simulate(model, {
      sockets,
      clock: systemClock,
      source: '127.0.0.1',
      nodes,
      firmware,
      ...defined({ loader }),
      parallel: 4,
      onBooted: (booted) => order.push(booted.node.name),
    })
    t.same(order, names, 'told in the order of the site')
    return boots.map(({ isBooted, ending, events }) => (isBooted ? ending : (events.at(-1)?.text ?? '')))
  }
  /** Changes the site file, and has the server read it. */
  const change = async (from: string, to: string): Promise<Model> => {
    await writeFile(sitePath, original.replace(from, to))
    t.match(await app.reload(), { outcome: 'swapped' }, to)
    return load()
  }

  await t.test('seven nodes boot, with firmware of all kinds in turn', async (t) => {
    const model = await load()
    const names = ['bs', 'm1', 'm2', 'm3', 'w1', 'w2', 'w3']
    t.same(await boot(model, names, 'mixed'), Array<string>(7).fill('installs to /dev/sda'))
  })

  await t.test(
    'every loader leads to the same installation, and a wait is skipped in each of them',
    async (t) => {
      const model = await load()
      for (const loader of loaderChoices)
        t.same(
          await boot(model, ['m1', 'w1'], 'uefi', loader),
          Array<string>(2).fill('installs to /dev/sda'),
          loader,
        )
    },
  )

  await t.test('nodes that are not installed end as the site declares', async (t) => {
    const local = await change('{ name: m1, role: master,', '{ name: m1, role: master, boot: local,')
    t.same(await boot(local, ['m1']), ['boots from its local disk'])
    for (const loader of loaderChoices)
      t.same(await boot(local, ['m1'], 'bios', loader), ['boots from its local disk'], loader)
    const menu = await change(
      '{ name: m1, role: master,',
      '{ name: m1, role: master, boot: menu, menu: { default: master },',
    )
    t.same(await boot(menu, ['m1']), ['installs to /dev/sda'])
    const waiting = await change(
      '{ name: m1, role: master,',
      '{ name: m1, role: master, boot: menu, menu: { timeoutSeconds: 0 },',
    )
    for (const loader of loaderChoices)
      t.same(await boot(waiting, ['m1'], 'uefi', loader), ['waits in its menu'], loader)
  })

  await t.test('UEFI HTTP Boot fetches its loader by URL, on arm64 too', async (t) => {
    const model = await load()
    t.same(await boot(model, ['m2', 'w1'], 'http'), Array<string>(2).fill('installs to /dev/sda'))
    const images = Object.entries(model.site.images).map(
      ([name, image]) => [name, { ...image, architecture: 'aarch64' }] as const,
    )
    const arm = { ...model.site, images: Object.fromEntries(images) }
    for (const [site, loader, file] of [
      [model.site, 'ipxe', 'efi/ipxe'],
      [arm, 'snponly', 'arm64/snponly'],
    ] as const) {
      const other = model.nodes.map((node) => ({ ...node, loader }))
      const problem = `^expected boot file http:.*/loaders/${file}.efi; got http:.*/loaders/`
      t.match(await boot({ ...model, site, nodes: other }, ['m1'], 'http'), [new RegExp(problem)])
    }
  })

  await t.test('names that another server serves are not queried', async (t) => {
    const model = await load()
    const site = { ...model.site, dns: { ...model.site.dns, serve: false } }
    t.match(await boot({ ...model, site }, ['m2']), [
      /^expected no option 6 \(Domain Server\); got 127\.0\.0\.1; /,
    ])
    const dns = [model.endpoint.address]
    const nodes = model.nodes.map((node) => ({ ...node, subnet: { ...node.subnet!, dns } }))
    t.same(await boot({ ...model, site, nodes }, ['m2']), ['installs to /dev/sda'])
  })

  await t.test(
    'an agent starts; the simulation reads its secret files only if the site opens them',
    async (t) => {
      const images = join(folder, 'images/agent')
      await mkdir(images, { recursive: true })
      const files = ['vmlinuz', 'initrd.img', 'rootfs.img'].map((end) => join(images, `agent.x86_64-${end}`))
      for (const file of files) await writeFile(file, file)
      const agent = original.replace('images:\n', `images:\n  agent: { dir: ${images} }\n`)
      for (const access of ['guarded', 'open']) {
        const text = agent.replace('    image: ', `    ignitionAccess: ${access}\n    image: `)
        await writeFile(sitePath, text.replace('name: m1,', 'name: m1, image: agent, wipe: always,'))
        t.match(await app.reload(), { outcome: 'swapped' })
        t.same(await boot(await load(), ['m1']), ['starts its agent'], access)
        await appendFile(files[1]!, ' ')
      }
      const changed =
        /^expected the content of .*initrd\.img .*whether the file was replaced since the site was loaded$/
      const model = await load()
      await appendFile(files[1]!, ' ')
      t.match(await boot(model, ['m1']), [changed])
    },
  )

  await t.test('a server that serves another site is detected', async (t) => {
    await change('nothing', 'nothing')
    const model = await load()
    const other = (changes: Partial<Model['nodes'][number]>): Model => ({
      ...model,
      nodes: model.nodes.map((node) => ({ ...node, ...changes })),
    })
    const cases: [Model, RegExp][] = [
      [
        other({ loader: 'ipxe' }),
        /^expected boot file efi\/ipxe\.efi; got efi\/snponly\.efi; check loader of/,
      ],
      [
        other({ key: 'ocp45/x' }),
        /^expected boot file http:.*\/boot\/ocp45\/x\/boot\.ipxe; got http:.*\/m1\//,
      ],
      [
        other({ ignition: 'worker' }),
        /^expected the Ignition URL .*\/worker\.ign; got .*\/master\.ign; check role of ocp45\/m1$/,
      ],
      [
        other({ disk: { kind: 'path', path: '/dev/vda' } }),
        /^expected coreos\.inst\.install_dev=\/dev\/vda; got \/dev\/sda; /,
      ],
      [other({ boot: 'local' }), /^installs to \/dev\/sda$/],
    ]
    for (const [declared, expected] of cases) t.match((await boot(declared, ['m1']))[0], expected)
  })

  await t.test('a missing or changed file is detected', async (t) => {
    const model = await change('domain: example.', 'ignitionAccess: open\n    domain: example.')
    const ignition = join(folder, 'ignition/ocp45')
    await appendFile(join(ignition, 'master.ign'), ' ')
    t.match((await boot(model, ['m3']))[0], /^expected the content of .*\/master\.ign \(260 bytes, sha256 /)

    await rm(join(ignition, 'worker.ign'))
    t.match(
      (await boot(await load(), ['w1']))[0],
      /^expected a script that boots; got a script that waits and starts again, with the text: \/.*\/worker\.ign does not exist; check the output of "slipway check"$/,
    )
  })

  await t.test('the command prints its results as JSON', async (t) => {
    const out: string[] = []
    const terminal = {
      out: (line: string) => void out.push(line),
      err: (line: string) => void out.push(line),
      usesColor: false,
      columns: 80,
    }
    t.equal(
      await simulateCommand.run(['--json', '--node', 'ocp45/m2', '--node', 'w1', sitePath], terminal),
      1,
    )
    const report = JSON.parse(out.join('\n')) as {
      nodes: { node: string; isBooted: boolean; steps: unknown[] }[]
    }
    t.match(report, {
      site: 'ocp45-lab',
      isBooted: false,
      nodes: [{ node: 'ocp45/m2' }, { node: 'ocp45/w1' }],
    })
  })

  await t.test(
    'the command boots a node with firmware of another architecture than that of its image',
    async (t) => {
      const out: string[] = []
      const terminal = {
        out: (line: string) => void out.push(line),
        err: () => {},
        usesColor: false,
        columns: 80,
      }
      await simulateCommand.run(['--json', '--node', 'm2', '--arch', 'arm64', sitePath], terminal)
      const report = JSON.parse(out.join('\n')) as { nodes: { steps: { text: string }[] }[] }
      t.match(report, { nodes: [{ firmware: 'arm64' }] })
      t.match(report.nodes[0]?.steps[0]?.text, /arm64\/\w+\.efi/)
    },
  )

  await t.test('an invalid command line is refused', async (t) => {
    const terminal = { out: () => {}, err: () => {}, usesColor: false, columns: 80 }
    const cases: [string[], string][] = [
      [['--site', 'a', 'b'], 'two site files: --site a and b'],
      [['a', 'b'], 'expected one site file'],
      [['--firmware', 'coreboot', sitePath], '--firmware: expected one of uefi, http, bios, mixed'],
      [['--arch', 'ppc64le', sitePath], '--arch: expected one of x86_64, arm64'],
      [['--loader', 'lilo', sitePath], '--loader: expected one of ipxe, grub, shim, pxelinux, u-boot'],
      [
        ['--node', 'm9', sitePath],
        'the site has no node m9; it has ocp45/bs, ocp45/m1, ocp45/m2, ocp45/m3, ocp45/w1, ocp45/w2, ocp45/w3',
      ],
    ]
    for (const [args, message] of cases) {
      await t.rejects(simulateCommand.run(args, terminal), { name: 'UsageError', message })
    }
    t.equal(await simulateCommand.run(['/nowhere/site.yaml'], terminal), 1)
  })

  await t.test('the client port of another program is not used', async (t) => {
    const model = await load()
    const holder = await sockets.bindUdp({ address: '0.0.0.0', port: chosen.ports.dhcpClient })
    const said: string[] = []
    const terminal = {
      out: () => {},
      err: (line: string) => void said.push(line),
      usesColor: false,
      columns: 80,
    }
    t.equal(await simulateCommand.run([sitePath], terminal), 1)
    t.match(said, [/^slipway simulate: cannot listen on udp 0\.0\.0\.0:\d+: another process uses the port/])
    const offset = chosen.ports.dhcp - 67
    const next = await choosePorts(sockets, [offset, offset + 500])
    t.equal(next?.taken.includes(model.endpoint.ports.dhcpClient), true)
    await holder.close()
  })
})

t.test('every command that the demo prints works unchanged', async (t) => {
  const folder = join(t.testdir(), 'demo')
  const child = spawn(process.execPath, ['src/main.ts', 'demo', '--folder', folder], {
    cwd: root,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const bound = setTimeout(() => child.kill('SIGKILL'), 100_000)
  t.teardown(() => clearTimeout(bound))
  const complaints = textOf(child.stderr)
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.includes(' reload --control')) break
  }
  t.match(lines, /7 of 7 nodes booted/)
  const commands = lines
    .slice(lines.findIndex((line) => line.startsWith('Serving until Ctrl-C')))
    .flatMap((line) => {
      const command = /^ {2}([a-z].*)$/.exec(line)?.[1]
      return command === undefined ? [] : [command]
    })
  t.equal(commands.length, 13)
  const valueOf = (name: string) => lines.find((line) => line.startsWith(`  ${name} `))?.split(/ +/)[2]
  const nodes = await fetchPage(`${valueOf('page')}v1/nodes`, valueOf('token') ?? '')
  t.match(
    nodes.map(({ node, mode }) => `${node} ${mode}`),
    Array<RegExp>(7).fill(/installed$/),
    'the page shows the boots',
  )
  for (const command of commands) {
    const [tool = ''] = command.split(' ')
    const isThere = await run('sh', ['-c', `command -v ${tool}`]).catch(() => undefined)
    if (isThere === undefined) continue
    const { stdout } = await run(...uninstrumented('sh', '-c', command), { cwd: root, timeout: 60_000 })
    t.not(stdout.trim(), '', command)
  }
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
  t.equal(await complaints, '')
})

/** The certificate of the demo is generated. */
async function fetchPage(url: string, token: string) {
  const asked = request(url, {
    rejectUnauthorized: false,
    headers: { authorization: `Bearer ${token}` },
  }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return JSON.parse(await textOf(response)) as { readonly node: string; readonly mode: string }[]
}
