import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { fileModeOf, renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { compileClusters } from '../../support/haproxy-plan.ts'
import { noHaproxy } from '../../support/validators.ts'

const hash = `$6$saltsalt$${'h'.repeat(86)}`
const compile = (text?: string) =>
  compileClusters(
    [{ nodes: ['m1 master 172.16.0.21'] }],
    { haproxy: { file: '/f', stats: { bind: '*:9000', users: '/etc/slipway/stats-users' } } },
    text,
  )

t.test('users have the hashes of the file, and the configuration is not for every user', (t) => {
  const { plan, findings } = compile(
    `# operators\n\nops:${hash}\r\ndev:$5$rounds=5000$salt$${'h'.repeat(43)}`,
  )
  t.same(findings, [])
  t.same(
    plan?.stats?.users.map(({ name }) => name),
    ['ops', 'dev'],
  )
  const text = renderHaproxy(plan!)
  t.match(text, `userlist slipway-stats\n  user ops password ${hash}\n`)
  t.equal(fileModeOf(text), 0o640)
  t.equal(fileModeOf(renderHaproxy({ ...plan!, stats: { ...plan!.stats!, users: [] } })), 0o644)
  t.end()
})

t.test('without a valid file there is no page, and the reason does not repeat the line', (t) => {
  const cases: [text: string | undefined, reason: string][] = [
    [undefined, '/etc/slipway/stats-users was not read'],
    ['', '/etc/slipway/stats-users does not list any user'],
    [
      `ops:${hash}\nadmin:secret`,
      '/etc/slipway/stats-users:2: expected <user>:<hash>, with a hash of openssl passwd -6 or mkpasswd',
    ],
    [`ops:${hash}\nops:${hash}`, '/etc/slipway/stats-users:2: the user is already listed'],
    [
      Array.from({ length: 1001 }, (_, index) => `u${index}:${hash}`).join('\n'),
      '/etc/slipway/stats-users lists more than 1000 users',
    ],
  ]
  for (const [text, reason] of cases) {
    const { plan, findings } = compile(text)
    t.equal(plan?.stats, undefined)
    t.same(findings, [
      {
        code: 'haproxy.stats-users-invalid',
        severity: 'error',
        about: 'haproxy',
        message: `the statistics page is omitted: ${reason}`,
      },
    ])
  }
  t.end()
})

t.test('a plan without the fact of its file has no page', (t) => {
  const fact = {
    kind: 'missing',
    code: 'haproxy.stats-users-invalid',
    path: '/u',
    problem: '/u does not exist',
  } as const
  const site = { haproxy: { file: '/f', stats: { bind: '*:9000', users: '/u' } } }
  t.match(compileClusters([{ nodes: ['m1 master 172.16.0.21'] }], site, fact).findings, [
    { message: 'the statistics page is omitted: /u does not exist' },
  ])
  t.end()
})

const canRun = noHaproxy || (process.getuid?.() !== 0 && 'the test does not run as root')

t.test('a real HAProxy serves the page only to a user with the password', { skip: canRun }, async (t) => {
  const port = await freePort()
  const hashed = spawnSync('openssl', ['passwd', '-6', 'pass-1'], { encoding: 'utf8' }).stdout.trim()
  const { plan } = compileClusters(
    [{ nodes: ['m1 master 172.16.0.21'] }],
    {
      haproxy: {
        file: '/f',
        stats: { bind: `127.0.0.1:${port}`, uri: '/lb', users: '/u', refreshSeconds: 5 },
      },
    },
    `ops:${hashed}\n`,
  )
  // A path of a socket has at most 97 characters.
  const directory = await mkdtemp('/tmp/haproxy-stats-')
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const text = renderHaproxy({ ...plan!, socket: join(directory, 'admin.sock'), frontends: [] })
  const child = spawn('haproxy', ['-f', join(t.testdir({ 'haproxy.cfg': text }), 'haproxy.cfg')], {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    stdio: 'ignore',
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const get = async (password?: string) => {
    const authorization = `Basic ${Buffer.from(`ops:${password ?? ''}`).toString('base64')}`
    const headers: Record<string, string> = password === undefined ? {} : { authorization }
    const response = await fetch(`http://127.0.0.1:${port}/lb`, {
      headers,
      signal: AbortSignal.timeout(30_000),
    })
    return { status: response.status, text: await response.text() }
  }
  for (let attempt = 0; attempt < 300; attempt++) {
    if (
      await get().then(
        () => true,
        () => false,
      )
    )
      break
    await delay(100)
  }
  t.equal((await get()).status, 401)
  t.equal((await get('pass-2')).status, 401)
  const page = await get('pass-1')
  t.equal(page.status, 200)
  t.match(page.text, 'kubeapi')
  t.match(page.text, ';norefresh">Disable refresh')
  t.notMatch(page.text, 'name="action"')
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
