import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { askControl, followControl } from '../../src/cli/client.ts'
import { eventLine } from '../../src/cli/commands/events.ts'
import { explainFailure, explainLogin, openRequest } from '../../src/cli/connection.ts'
import type { Observation } from '../../src/install/observation.ts'
import { controlService } from '../support/control-service.ts'
import { makeAuthority } from '../support/certificates.ts'
import { networkApi } from '../support/network-api.ts'
import { until } from '../support/until.ts'

type Environment = Record<string, string | undefined>

async function ask(target: string, environment: Environment, path = '/v1/nodes') {
  const asked = await openRequest(target, { path, headers: {}, timeout: 5000 }, environment)
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await json(response) }
}

/** Sets variables of this process until the end of the test. */
function setEnvironment(t: Test, variables: Record<string, string>) {
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) Reflect.deleteProperty(process.env, name)
  })
}

function file(t: Test, content: string): string {
  const path = join(t.testdir(), 'file')
  writeFileSync(path, content)
  return path
}

t.test('a server is verified by the fingerprint of its certificate', async (t) => {
  const { port, service, token } = await networkApi(t)
  const target = `https://127.0.0.1:${port}`
  const { fingerprint } = service.state()
  const tokenFile = file(t, `${await token('read')}\n`)
  for (const given of [
    fingerprint,
    `sha256 Fingerprint=${fingerprint}`,
    fingerprint.replaceAll(':', '').toLowerCase(),
  ]) {
    t.match(await ask(target, { SLIPWAY_TOKEN_FILE: tokenFile, SLIPWAY_FINGERPRINT: given }), { status: 200 })
  }
  await t.rejects(ask(target, { SLIPWAY_FINGERPRINT: 'AB' }), {
    message: `its certificate has the fingerprint ${fingerprint}, expected AB`,
  })
  await t.rejects(askControl(target, '/v1/nodes'), {
    message: `cannot reach slipway at ${target}: its certificate is not trusted; add --fingerprint with the value that slipway status prints on the server, or --ca-file`,
    isNotRunning: false,
  })
})

t.test('a server is verified by a CA and its name, and a client by its certificate', async (t) => {
  const authority = makeAuthority()
  const directory = t.testdir({ 'ca.crt': authority.certificate })
  const server = authority.server('DNS:localhost')
  const client = authority.client('/CN=ansible')
  const path = (name: string, content: string) => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }
  const { port } = await networkApi(t, {
    certificate: path('server.crt', server.certificate),
    key: path('server.key', server.key),
    clientCA: join(directory, 'ca.crt'),
    clients: [{ name: 'ansible', scope: 'operate' }],
  })
  const environment = {
    SLIPWAY_CA_FILE: join(directory, 'ca.crt'),
    SLIPWAY_CERT_FILE: path('client.crt', client.certificate),
    SLIPWAY_KEY_FILE: path('client.key', client.key),
  }
  t.match(await ask(`https://localhost:${port}`, environment, '/v1/session'), {
    status: 200,
    body: { user: 'certificate:ansible', scope: 'operate' },
  })
  await t.rejects(ask(`https://127.0.0.1:${port}`, environment), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

t.test('events of a server are followed, and the token comes from a file', async (t) => {
  const { port, service, token, installs } = await networkApi(t)
  setEnvironment(t, {
    SLIPWAY_FINGERPRINT: service.state().fingerprint,
    SLIPWAY_TOKEN_FILE: file(t, await token('operate')),
  })
  const target = `https://127.0.0.1:${port}`
  const ended = new AbortController()
  const events: string[] = []
  const following = followControl(target, '/v1/events', {
    onEvent(data) {
      events.push(data)
      ended.abort()
    },
    onGone: () => undefined,
    signal: ended.signal,
  })
  // Repeated, because the stream shows only events after its start.
  await until(async () => {
    await askControl(target, '/v1/nodes/ocp45/w1/menu', 'POST')
    return events.length > 0
  })
  await following
  t.match(JSON.parse(events[0] ?? '{}'), { kind: 'command', command: 'menu', by: 'token:operate' })
  t.match(eventLine(JSON.parse(events[0] ?? '') as Observation), /command: menu by token:operate$/)
  t.ok(installs.list().length > 0)
})

t.test('errors of a connection are explained', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  await t.rejects(askControl(`https://127.0.0.1:${port}`, '/v1/nodes'), {
    message: `cannot reach slipway at https://127.0.0.1:${port}: the connection was refused; check the section api of its site file, and that slipway runs`,
    isNotRunning: false,
  })
  const mute = createServer((socket) => t.teardown(() => socket.destroy())).listen(0, '127.0.0.1')
  t.teardown(() => mute.close())
  await once(mute, 'listening')
  const target = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  await t.rejects(askControl(target, '/v1/nodes', 'GET', 50), { message: /no connection within 0.05 s$/ })
  const plain = createServer((socket) => {
    t.teardown(() => socket.destroy())
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  }).listen(0, '127.0.0.1')
  t.teardown(() => plain.close())
  await once(plain, 'listening')
  const other = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`
  await t.rejects(askControl(other, '/v1/nodes'), {
    message: /does not use TLS at this port; specify the port of the section api of its site file$/,
  })
  const missing = `${t.testdirName}/none`
  const withFile = openRequest(target, { path: '/v1/nodes', headers: {} }, { SLIPWAY_TOKEN_FILE: missing })
  const error = await withFile.catch((reason: unknown) => reason as NodeJS.ErrnoException)
  t.equal(
    explainFailure(target, error as NodeJS.ErrnoException),
    `cannot read ${missing}: it does not exist; check the path`,
  )
})

t.test('a refused login names the option that is missing, or the file with the wrong token', async (t) => {
  const { port, service } = await networkApi(t)
  const target = `https://127.0.0.1:${port}`
  setEnvironment(t, { SLIPWAY_FINGERPRINT: service.state().fingerprint })
  await t.rejects(askControl(target, '/v1/nodes'), {
    message: `${target} needs a login: add --token-file FILE with a token of "slipway token create", or --cert-file and --key-file`,
  })
  const wrong = file(t, 'wrong')
  setEnvironment(t, { SLIPWAY_TOKEN_FILE: wrong })
  await t.rejects(askControl(target, '/v1/nodes'), {
    message: `${target} refuses the token in ${wrong}: write a token of "slipway token create" to it, or name another file with --token-file`,
  })
  t.equal(
    explainLogin(target, 'not logged in: send a token', { SLIPWAY_CERT_FILE: 'c' }),
    'not logged in: send a token',
  )
})

t.test('the name of a local user is in the log', async (t) => {
  const { path, lines } = await controlService(t)
  const asked = await openRequest(
    path,
    { path: '/v1/reload', method: 'POST', headers: {} },
    { SUDO_USER: 'alice' },
  )
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  await json(response)
  t.match(
    lines.map((line) => JSON.parse(line) as object).find((entry) => 'user' in entry),
    { msg: 'API request', user: 'local:alice', scope: 'admin', path: '/v1/reload', status: 200 },
  )
})
