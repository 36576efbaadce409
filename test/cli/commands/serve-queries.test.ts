import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { explain } from '../../../src/cli/commands/explain.ts'
import { status } from '../../../src/cli/commands/status.ts'
import { socketPath } from '../../support/control-service.ts'
import { freePorts, startWith } from '../../support/serve-process.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

t.test('a service whose port is taken waits for it, and all others serve', async (t) => {
  const ports = await freePorts()
  const holder = createSocket('udp4')
  holder.bind(ports.tftp, '127.0.0.1')
  await once(holder, 'listening')
  const path = sitePath(t.testdir(siteFolder(siteText(ports))))
  const control = socketPath(t)
  const server = startWith(['--state', join(dirname(path), 'state'), '--control', control, path])
  t.match(await server.line('service not started'), {
    name: 'tftp',
    code: 'server.service-not-started',
    reason: `cannot listen on udp 127.0.0.1:${ports.tftp} for tftp: another process uses the port; find it with: ss -lunp 'sport = :${ports.tftp}'`,
  })
  await server.line('serving')
  const page = async (name: string) => (await fetch(`http://127.0.0.1:${ports.http}/${name}`)).text()
  t.match(JSON.parse(await page('health')), { problems: ['server.service-not-started'] })
  t.match(await page('metrics'), /^slipway_service_up\{service="tftp"\} 0$/m)
  t.match(await page('metrics'), /^slipway_problems\{code="server\.service-not-started"\} 1$/m)
  const terminal = keptTerminal()
  await status.run(['--control', control], terminal)
  t.match(terminal.outLines.join('\n'), /^! tftp does not run: cannot listen on udp 127\.0\.0\.1/m)
  holder.close()
  await server.line('service started')
  t.match(await page('metrics'), /^slipway_service_up\{service="tftp"\} 1$/m)
  server.child.kill('SIGTERM')
  t.same(await once(server.child, 'exit'), [0, null])
})

t.test(
  'explain reads the active plan of the running slipway, and a site file where one is given',
  async (t) => {
    const text = siteText(await freePorts())
    const path = sitePath(t.testdir(siteFolder(text)))
    const control = socketPath(t)
    const server = startWith(['--state', join(dirname(path), 'state'), '--control', control, path])
    await server.line('serving')
    const run = async (...args: string[]) => {
      const terminal = keptTerminal()
      const code = await explain.run([...args, '--json'], terminal)
      return { code, out: terminal.outLines.join('\n'), err: terminal.errLines.join('\n') }
    }
    const active = await run('w1', '--control', control)
    t.match(JSON.parse(active.out), { node: 'c1/w1', address: '192.0.2.21' })
    t.same(active, await run(path, 'w1'))
    await writeFile(path, text.replaceAll('192.0.2.21', '192.0.2.22'))
    t.same(await run('c1/w1', '--control', control), active, 'the file on the disk is not active yet')
    t.match(JSON.parse((await run('--site', path, 'w1')).out), { address: '192.0.2.22' })
    t.match(await run('w1', '--control', '/nonexistent/socket'), {
      code: 1,
      err: /^slipway: cannot reach slipway/,
    })
    await t.rejects(run('w9', '--control', control), { name: 'UsageError', message: /no.* node w9/ })
    server.child.kill('SIGTERM')
    await once(server.child, 'exit')
  },
)

t.test('--log-format text prints the log for a reader', async (t) => {
  const path = sitePath(t.testdir(siteFolder(siteText(await freePorts()))))
  const state = ['--state', join(dirname(path), 'state'), '--control', socketPath(t)]
  const { child } = startWith([...state, '--log-format', 'text', path])
  let text = ''
  for await (const chunk of child.stdout) {
    text += String(chunk)
    if (text.includes('  serving  ')) child.kill('SIGTERM')
  }
  t.match(text, /^\d\d:\d\d:\d\d UTC {2}info {3}\s+ serving {2}site=lab nodes=2 listening="dns udp 127/m)
  t.match(text, /^\d\d:\d\d:\d\d UTC {2}info .* stopped {2}code=0\n$/m)
})
