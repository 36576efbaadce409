/** Files of the administrator below /files: who gets which of them. */
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sendServedFile } from '../../../src/serve/http/files.ts'
import { createImageSources } from '../../../src/serve/http/images.ts'
import { filesSection, filesWorld, prepareFiles } from '../../support/served-files.ts'
import { siteText } from '../../support/site-folder.ts'

const m1 = '192.0.2.11'
const w1 = '192.0.2.21'
const unknown = '192.0.2.99'
const self = '127.0.0.1'

t.test('every client gets files and the files of directories, with ranges and an entity tag', async (t) => {
  const { get, line, options } = await filesWorld(t)
  const whole = await get('/files/tools/a.bin', unknown)
  t.equal(whole.body, '0123456789')
  t.match(whole.headers, { 'content-length': '10', 'accept-ranges': 'bytes', etag: /^"[^"]+"$/ })
  t.match(await line('file served'), { level: 'info', client: /^192\.0\.2\.99:/, file: /tools\/a\.bin$/ })
  t.equal(options.counters.get('http.files'), 1)
  const part = await get('/files/tools/a.bin', unknown, { range: 'bytes=2-4' })
  t.match(part, { statusCode: 206, body: '234', headers: { 'content-range': 'bytes 2-4/10' } })
  const same = await get('/files/tools/a.bin', unknown, { 'if-none-match': String(whole.headers['etag']) })
  t.equal(same.statusCode, 304)
  t.equal((await get('/files/tools/lower/b.txt', m1)).body, 'b')
  t.equal((await get('/files/tools/stays', unknown)).body, '0123456789', 'a link inside of the directory')
  t.equal((await get('/files/tools/with%20space%2520.txt', unknown)).body, 'space')
  t.equal((await get('/files/tools/one.bin', unknown)).body, 'one', 'a longer path has precedence')
})

t.test('nothing outside of the directory, hidden, or private is served', async (t) => {
  const { get, folder: dir, lines } = await filesWorld(t)
  symlinkSync(join(dir, 'ignition'), join(dir, 'tools/ignition'))
  const missing = [
    '/files/tools/../ignition/master.ign',
    '/files/tools/%2e%2e/ignition/master.ign',
    '/files/tools/..%2fignition%2fmaster.ign',
    '/files/tools/.hidden',
    '/files/tools/a.bin/',
    '/files/tools/none',
    '/files/tools/a%00.bin',
    '/files/tools',
    '/files/tools/',
    '/files/',
    '/files/nothing/a.bin',
    '/files/tools/empty',
  ]
  for (const path of missing) t.equal((await get(path, m1)).statusCode, 404, path)
  const refused = ['/files/tools/leads-out', '/files/tools/ignition/master.ign', '/files/tools/private.txt']
  for (const path of refused) {
    const { statusCode, body } = await get(path, m1)
    t.equal(statusCode, 403, path)
    t.notMatch(body, dir, 'paths of the server are not shown')
  }
  t.match(
    (await get('/files/tools/leads-out', self)).body,
    /leads out of/,
    'a client on the server gets the reason',
  )
  const codes = (path: string) =>
    lines.filter(({ file }) => file === path).map(({ level, code }) => [level, code])
  t.same(codes('/files/tools/leads-out'), [
    ['error', 'http.file-protected'],
    ['debug', 'http.file-protected'],
  ])
  t.same(codes('/files/tools/private.txt'), [['error', 'http.file-forbidden']])
})

t.test('files in the directories of secrets and images are not served below /files', async (t) => {
  const section = `http:
  files:
    - { path: all, dir: . }
    - { path: root.ign, file: ignition/master.ign }
`
  const { get, findings } = await filesWorld(t, siteText(undefined, section))
  t.equal((await get('/files/all/tools/a.bin', unknown)).statusCode, 200)
  for (const path of ['all/ignition/master.ign', 'all/image/rhcos-live-kernel-x86_64', 'root.ign']) {
    t.equal((await get(`/files/${path}`, unknown)).headers['slipway-code'], 'http.file-protected', path)
  }
  t.match(findings, [{ code: 'http.file-not-served', about: '/files/root.ign', message: /contains secrets/ }])
})

t.test('a template is rendered for the node that requests it; the most specific one applies', async (t) => {
  const { get, line } = await filesWorld(t)
  const { body, headers } = await get('/files/config.txt', m1)
  t.equal(body, 'cluster c1 192.0.2.11\n')
  t.match(headers, { 'content-type': /^text\/plain/, 'cache-control': 'no-store', 'content-length': '22' })
  t.match(await line('file served'), { level: 'info', node: 'c1/m1' })
  t.equal((await get('/files/config.txt', w1)).body, 'node c1/w1 http://127.0.0.1\n')
  t.equal((await get('/files/other.txt', w1)).body, 'site lab w1\n')
})

t.test('other clients do not get a template; a client on the server can name a node', async (t) => {
  const { get, app } = await filesWorld(t)
  t.match(await get('/files/config.txt', unknown), {
    statusCode: 403,
    headers: { 'slipway-code': 'http.file-not-for-client' },
  })
  t.equal((await get('/files/config.txt?node=c1/m1', unknown)).statusCode, 403, 'the name alone is no proof')
  t.equal((await get('/files/config.txt?node=c1/w1', m1)).body, 'cluster c1 192.0.2.11\n', 'its own')
  t.equal((await get('/files/config.txt?node=c1/w1', self)).body, 'node c1/w1 http://127.0.0.1\n')
  t.equal((await get('/files/config.txt?node=c1/none', self)).statusCode, 403)
  t.equal((await get('/files/config.txt', self)).statusCode, 403)
  const head = await app.inject({ method: 'HEAD', url: '/files/other.txt', remoteAddress: w1 })
  t.match(head, { statusCode: 200, body: '', headers: { 'content-length': '12' } })
})

t.test('a machine with the address of a node and another MAC address gets no template', async (t) => {
  const { plan, world, exchange } = await directly(t)
  const read = async () => Promise.resolve('00:00:5e:00:53:99')
  await sendServedFile(exchange(plan), world.options, world.sources, { path: 'config.txt' }, read)
  t.match(world.lines, [{ level: 'error', code: 'boot.wrong-mac', node: 'c1/m1' }])
})

async function directly(t: Test) {
  const world = await filesWorld(t)
  const reply = { code: () => reply, header: () => reply, type: () => reply, send: () => reply } as never
  const tools = { ...world.options, tokens: { learn: () => {} } }
  const lane = { canSend: () => false } as never
  const exchange = (plan: typeof world.plan) => ({
    reply,
    plan,
    node: 'c1/m1',
    client: `${m1}:1`,
    address: m1,
    isLocal: false,
    isHead: false,
    isSecure: false,
  })
  return {
    plan: world.plan,
    exchange,
    world: { ...world, options: tools, sources: createImageSources(tools, lane) },
  }
}

t.test('templates and files that cannot be used are findings, and the log has the reason', async (t) => {
  const section =
    filesSection + '    - { path: gone, dir: gone }\n    - { path: private, file: tools/private.txt }\n'
  const { get, folder: dir, findings, lines } = await filesWorld(t, siteText(undefined, section))
  t.match(
    findings.map(({ about }) => about),
    ['/files/gone', '/files/private'],
  )
  t.match(findings[1]?.message, /chmod o\+r/)
  rmSync(join(dir, 'elsewhere/one.bin'))
  t.equal((await get('/files/tools/one.bin', m1)).statusCode, 404)
  t.match(lines.at(-1), { level: 'error', code: 'http.file-missing', reason: /one\.bin does not exist/ })
})

t.test('problems of templates have file and line', async (t) => {
  const section = `http:
  files:
    - { path: unknown, template: templates/unknown }
    - { path: gateway, template: templates/gateway }
    - { path: syntax, template: templates/syntax }
    - { path: binary, template: templates/binary }
    - { path: gone, template: templates/gone }
`
  const { folder: dir, get, lines } = await filesWorld(t, siteText(undefined, section))
  writeFileSync(join(dir, 'templates/unknown'), 'a\n{{node.adress}}\n')
  writeFileSync(join(dir, 'templates/gateway'), '{{node.gateway}}')
  writeFileSync(join(dir, 'templates/syntax'), 'a\nb\n{{')
  writeFileSync(join(dir, 'templates/binary'), Buffer.from([0xff, 0xfe, 0x00]))
  const both = ' (needed by c1/m1, c1/w1)'
  const { plan } = await prepareFiles(dir)
  t.same(
    plan.findings
      .filter(({ code }) => code === 'http.template-invalid')
      .map(({ about, message }) => [about, message.replaceAll(`${dir}/templates/`, '')]),
    [
      [
        '/files/unknown',
        `unknown:2: {{node.adress}} is not a known placeholder (did you mean node.address?)${both}`,
      ],
      ['/files/gateway', `gateway:1: the node has no value for {{node.gateway}}${both}`],
      [
        '/files/syntax',
        `syntax:3: expected a name after {{, such as {{node.address}}; write {{{{ for a literal {{${both}`,
      ],
      ['/files/binary', `binary is not UTF-8 text${both}`],
      ['/files/gone', `gone does not exist${both}`],
    ],
  )
  t.equal((await get('/files/gone', m1)).statusCode, 404)
  t.match(lines.at(-1), { level: 'error', code: 'http.file-missing', reason: /gone does not exist/ })
})
