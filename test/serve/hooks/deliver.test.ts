import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { deliver, signatureOf } from '../../../src/serve/hooks/deliver.ts'
import type { HookEvent } from '../../../src/serve/hooks/events.ts'
import { hookFiles, secretText, webhookReceiver } from '../../support/webhook-receiver.ts'

const event: HookEvent = {
  id: 'evt_1',
  type: 'node.installed',
  timestamp: '2026-11-21T11:00:00.000Z',
  site: 'lab',
  server: '192.0.2.2',
  text: 'ocp45/w1 is installed',
  data: { node: 'ocp45/w1' },
}
const options = (timeoutMs = 10_000) => {
  return { timeoutMs, clock: systemClock, signal: new AbortController().signal }
}

t.test('the signature is that of Standard Webhooks, with the example of its specification', (t) => {
  const secret = Buffer.from(secretText.slice('whsec_'.length), 'base64')
  t.equal(
    signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}'),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  )
  t.end()
})

t.test('the commands of docs/hooks.md compute the same signature', (t) => {
  const documentation = readFileSync(new URL('../../../docs/hooks.md', import.meta.url), 'utf8')
  const [, commands = ''] = /```\n(key=.*?)```/s.exec(documentation) ?? []
  const cwd = t.testdir({ 'chat.secret': `${secretText}\n`, body: '{"test": 2432232314}' })
  const env = { ...process.env, id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: '1614265330' }
  const signature = execFileSync('sh', ['-c', commands], { cwd, env, encoding: 'utf8' })
  t.equal(signature, 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n')
  t.end()
})

t.test('an event is a signed POST request over verified TLS', async (t) => {
  const { received, url, host } = await webhookReceiver(t, (response) => response.end(' thanks '))
  const before = Math.floor(Date.now() / 1000)
  const attempt = await deliver({ kind: 'webhook', url, ...hookFiles(t) }, event, options())
  t.same(attempt, { outcome: 'delivered', detail: `${host.split(':')[0]}: 200 OK`, output: 'thanks' })
  t.match(received, [
    {
      event,
      isSigned: true,
      headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1', 'user-agent': 'slipway' },
    },
  ])
  const seconds = Number(received[0]?.headers['webhook-timestamp'])
  t.ok(seconds >= before && seconds <= before + 60)
})

t.test('a receiver that the CA does not certify, or for another name, gets no event', async (t) => {
  const other = await webhookReceiver(t, undefined, 'DNS:chat.example.net')
  const files = hookFiles(t)
  const wrongName = await deliver({ kind: 'webhook', url: other.url, ...files }, event, options())
  t.match(wrongName, { outcome: 'temporary', detail: /^localhost:\d+: Hostname\/IP does not match/ })
  const { url, received } = await webhookReceiver(t)
  const untrusted = await deliver({ kind: 'webhook', url, secretFile: files.secretFile }, event, options())
  t.match(untrusted, { outcome: 'temporary', detail: /^localhost:\d+: .*(certificate|issuer)/ })
  t.same([...received, ...other.received], [])
})

t.test('the status decides whether an attempt is repeated, and redirects are not followed', async (t) => {
  const statuses = [302, 400, 408, 410, 425, 429, 500, 503]
  const { url, received } = await webhookReceiver(t, (response, count) => {
    response.writeHead(statuses[count - 1] as number, { location: url }).end()
  })
  const target = { kind: 'webhook', url, ...hookFiles(t) } as const
  const outcomes: string[] = []
  for (const status of statuses) {
    const { outcome, detail } = await deliver(target, event, options())
    outcomes.push(`${status} ${outcome}`)
    if (status === 302) t.equal(detail, 'localhost: 302 Found, redirects are not followed')
  }
  t.same(outcomes, [
    '302 permanent',
    '400 permanent',
    '408 temporary',
    '410 permanent',
    '425 temporary',
    '429 temporary',
    '500 temporary',
    '503 temporary',
  ])
  t.equal(received.length, statuses.length)
})

t.test('a receiver that hangs before or within its response is given up after the time-out', async (t) => {
  const { url } = await webhookReceiver(t, (response, count) => {
    if (count === 2) response.writeHead(200).write('part')
  })
  const target = { kind: 'webhook', url, ...hookFiles(t) } as const
  for (const name of ['before', 'within']) {
    t.match(
      await deliver(target, event, options(300)),
      { outcome: 'temporary', detail: /no complete response within 0\.3 s|aborted/ },
      name,
    )
  }
})

t.test('an endless response is read only up to 4 KiB', async (t) => {
  const { url } = await webhookReceiver(t, (response) => {
    response.on('error', () => undefined)
    const more = (): void => {
      if (response.write('x'.repeat(1000))) setImmediate(more)
      else response.once('drain', more)
    }
    more()
  })
  const { outcome, output } = await deliver({ kind: 'webhook', url, ...hookFiles(t) }, event, options())
  t.equal(outcome, 'delivered')
  t.equal(output.length, 4096)
})

t.test('plain HTTP on this machine works, and one that does not listen is reported', async (t) => {
  const server = createServer((_request, response) => response.writeHead(204).end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const target = { kind: 'webhook', url: `http://127.0.0.1:${port}/`, ...hookFiles(t) } as const
  t.match(await deliver(target, event, options()), {
    outcome: 'delivered',
    detail: '127.0.0.1: 204 No Content',
  })
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  t.match(await deliver(target, event, options()), {
    outcome: 'temporary',
    detail: `127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
  })
})

t.test('a secret that others can read, or that is not one, is never used', async (t) => {
  const { url, received } = await webhookReceiver(t)
  const attempt = (files: { secretFile: string; ca?: string }) =>
    deliver({ kind: 'webhook', url, ...files }, event, options())
  const code = 'hook.secret-unusable'
  t.match(await attempt(hookFiles(t, undefined, 0o640)), {
    ...{ outcome: 'temporary', code },
    detail: /secret has mode 0640, so other users can access the secret: set it to 0600$/,
  })
  for (const content of [
    '',
    secretText.slice(6),
    'whsec_short',
    `whsec_${'A'.repeat(400)}`,
    `${secretText}\n2`,
  ]) {
    const { detail } = await attempt(hookFiles(t, content))
    t.match(detail, /is not a webhook secret: expected whsec_ and the base64 form of 24 to 64 bytes$/)
    if (content !== '') t.notMatch(detail, content, 'the secret is not printed')
  }
  t.match(await attempt({ secretFile: t.testdir() }), { code, detail: /is not a regular file$/ })
  t.match(await attempt({ secretFile: '/nonexistent/secret' }), { code, detail: /^ENOENT/ })
  t.match(await attempt({ ...hookFiles(t), ca: '/nonexistent/ca' }), { code, detail: /^ENOENT/ })
  const noPem = join(t.testdir(), 'ca')
  const { secretFile } = hookFiles(t)
  writeFileSync(noPem, '-----BEGIN CERTIFICATE-----\nx')
  t.match(await attempt({ secretFile, ca: noPem }), { outcome: 'temporary' })
  t.same(received, [])
})

t.test('a command gets the event on standard input, and a minimal environment', async (t) => {
  const file = join(t.testdir(), 'out')
  // The test runner adds variables to every process.
  const script = `cat >${file}; env | grep -E '^(HOME|HOOK|LANG|NODE_ENV|PATH|SLIPWAY|USER)' | sort; echo "$@"`
  const target = { kind: 'command', program: '/bin/sh', args: ['-c', script, 'x', 'a b', '$HOME'] } as const
  process.env['HOOK_TEST_SECRET'] = 'x'
  t.teardown(() => Reflect.deleteProperty(process.env, 'HOOK_TEST_SECRET'))
  t.same(await deliver(target, event, options()), {
    outcome: 'delivered',
    detail: '/bin/sh: exit code 0',
    output: [
      'LANG=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'SLIPWAY_EVENT=node.installed',
      'SLIPWAY_EVENT_ID=evt_1',
      'a b $HOME',
    ].join('\n'),
  })
  t.same(JSON.parse(readFileSync(file, 'utf8')), event)
})

t.test('a command that fails, hangs, or is not installed can be repeated', async (t) => {
  const run = (program: string, args: readonly string[] = [], timeoutMs = 10_000) =>
    deliver({ kind: 'command', program, args }, event, options(timeoutMs))
  const outcome = 'temporary'
  t.same(await run('/bin/sh', ['-c', 'echo no; exit 3']), {
    outcome,
    detail: '/bin/sh: exit code 3',
    output: 'no',
  })
  t.same(await run('/bin/sleep', ['60'], 500), {
    ...{ outcome, output: '' },
    detail: '/bin/sleep: did not finish within 0.5 s',
  })
  t.same(await run('/nonexistent'), { outcome, detail: '/nonexistent: not found', output: '' })
})
