/** Answer files of other operating systems have the guard of Ignition files. */
import t, { type Test } from 'tap'
import { timelineOf } from '../../../src/install/timeline.ts'
import type { systemModel } from '../../support/systems.ts'
import { servedSystem } from '../../support/served-system.ts'

const key = 'web/web1'
const own = '192.0.2.41'
const preseed = { group: { answers: '/srv/answers/preseed.cfg', requireDhcp: false } }

/** A machine that received its script. @param isArmed whether an administrator started the installation */
async function booted(t: Test, given: Partial<Parameters<typeof systemModel>[0]> = preseed, isArmed = false) {
  const { world, installs, app } = await servedSystem(t, { os: 'debian', ...given }, isArmed)
  const send = (method: 'GET' | 'POST', path: string, remoteAddress = own, payload = '') =>
    app.inject({
      method,
      url: `/boot/web/web1/${path}`,
      remoteAddress,
      ...(method === 'POST' && { payload }),
    })
  const script = (await send('GET', 'boot.ipxe')).body
  const token = /web1\/([\w-]{22})\//.exec(script)?.[1] ?? ''
  const mode = () => installs.list().find(({ node }) => node === key)?.mode
  return { ...world, installs, send, script, token, mode }
}

const report = (type: string) =>
  [
    'slipway-disk 1\ndevice: /dev/sda\npath: /dev/sda\n--- lsblk',
    '{"blockdevices":[{"name":"/dev/sda","type":"disk"}]}\n--- blkid',
    `device=/dev/sda\n${type}\n`,
  ].join('\n')

t.test('the machine gets its files with its token, installs, and reports the end', async (t) => {
  const { send, token, mode, installs, lines } = await booted(t)
  const file = await send('GET', `${token}/preseed.cfg`)
  t.equal(file.statusCode, 200)
  t.equal(file.headers['content-type'], 'text/plain; charset=utf-8')
  t.match(file.body, `http://192.0.2.2/boot/web/web1/${token}/slipway.sh`)
  t.notMatch(file.body, /\{\{|@token/)
  t.match((await send('GET', `${token}/slipway.sh`)).body, `url='http://192.0.2.2/boot/web/web1/${token}'`)
  t.match(
    (await send('GET', 'boot.ipxe')).body,
    /installs as debian/,
    'nothing was written: it may start again',
  )
  const { body } = await send('GET', 'boot.ipxe')
  const next = /web1\/([\w-]{22})\/preseed\.cfg/.exec(body)?.[1] ?? ''
  t.equal((await send('GET', `${token}/preseed.cfg`)).statusCode, 403, 'the earlier token is void')
  await send('GET', `${next}/preseed.cfg`)
  t.equal((await send('POST', `${next}/disk`, own, report(''))).statusCode, 200)
  t.equal((await send('POST', `${next}/written`)).statusCode, 204)
  t.equal(mode(), 'installed')
  t.equal((await send('GET', `${next}/preseed.cfg`)).statusCode, 403, 'only during the installation')
  t.match((await send('GET', 'boot.ipxe')).body, /boots from its local disk/)
  const steps = timelineOf(installs.history(key)).boots.flatMap((boot) => boot.steps)
  t.match(
    steps.map(({ kind, what }) => `${kind} ${what}`).join(),
    /answers preseed\.cfg.*disk-check.*disk .*reboot/,
  )
  t.notMatch(JSON.stringify(lines), token)
})

t.test('no other machine gets a file, and none without the token', async (t) => {
  const { send, token } = await booted(t)
  for (const [path, address] of [
    [`${token}/preseed.cfg`, '192.0.2.11'],
    [`${'A'.repeat(22)}/preseed.cfg`, own],
    [`${token}/slipway.sh`, '192.0.2.11'],
    ['@token-of-the-install@/preseed.cfg', own],
  ] as const) {
    const { statusCode, body } = await send('GET', path, address)
    t.equal(statusCode, 403, path)
    t.notMatch(body, /d-i|slipway\.sh/)
  }
  t.equal((await send('GET', 'preseed.cfg')).statusCode, 404, 'without a token in the path')
  t.equal((await send('GET', `${token}/shadow`)).statusCode, 404)
})

t.test('a disk that holds data is kept, and the installation ends', async (t) => {
  const { send, token, mode } = await booted(t)
  await send('GET', `${token}/preseed.cfg`)
  const answer = await send('POST', `${token}/disk`, own, report('TYPE=ext4'))
  t.equal(answer.statusCode, 409)
  t.match(answer.body, /\/dev\/sda holds a file system of type ext4: run "slipway node install web\/web1"/)
  t.equal(mode(), 'local')
  t.match((await send('GET', 'boot.ipxe')).body, /boots from its local disk/)
})

t.test('with the permission, the disk may be written: it is tried before another installation', async (t) => {
  const { send, token } = await booted(t)
  await send('GET', `${token}/preseed.cfg`)
  await send('POST', `${token}/disk`, own, report(''))
  t.match((await send('GET', 'boot.ipxe')).body, /boots from its local disk/)
})

t.test('without the disk check, the answer file is the last file before the disk is written', async (t) => {
  const group = { answers: '/srv/preseed.cfg', requireDhcp: false }
  const texts = { '/srv/preseed.cfg': 'd-i x\n' }
  const { send, token } = await booted(t, { group, texts }, true)
  t.equal((await send('GET', `${token}/preseed.cfg`)).body, 'd-i x\n')
  t.match((await send('GET', 'boot.ipxe')).body, /boots from its local disk/)
})

t.test('a custom system without an answer file is recorded before its kernel starts', async (t) => {
  const group = { requireDhcp: false, kernelArguments: ['autoinstall'] }
  const { send, script, token } = await booted(t, { os: 'custom', group }, true)
  const [, handover = ''] = script.split('imgfetch --name handover ')
  t.match(handover, new RegExp(`^http://192\\.0\\.2\\.2/boot/web/web1/${token}/handover [^]*\nboot `))
  t.equal((await send('GET', `${token}/handover`)).statusCode, 200)
  t.match((await send('GET', 'boot.ipxe')).body, /boots from its local disk/, 'not installed again')
})

t.test(
  'a custom system whose arguments do not name its answer file is recorded in the same way',
  async (t) => {
    const group = { answers: '/srv/x', requireDhcp: false }
    const texts = { '/srv/x': 'x\n' }
    t.match((await booted(t, { os: 'custom', group, texts }, true)).script, '/handover')
    for (const kernelArguments of ['a={{slipway.answers}}', 'a={{slipway.folder}}x']) {
      const named = { ...group, kernelArguments: [kernelArguments] }
      t.notMatch((await booted(t, { os: 'custom', group: named, texts }, true)).script, '/handover')
    }
    const checked = { '/srv/x': '{{slipway.diskCheck}}\n' }
    t.notMatch((await booted(t, { os: 'custom', group, texts: checked })).script, '/handover')
  },
)

t.test('without the disk check, only an administrator starts an installation', async (t) => {
  const texts = { '/srv/x': 'd-i x\n' }
  const unchecked = (more: object) => ({ texts, group: { answers: '/srv/x', requireDhcp: false, ...more } })
  const local = /boots from its local disk/
  const { installs, script, send } = await booted(t, unchecked({}))
  t.match(script, local)
  t.match(await installs.boot(key, { isSkipping: false }), {
    kind: 'local',
    code: 'install.disk-not-checked',
  })
  const record = () => installs.list().find(({ node }) => node === key)
  t.match(record(), { mode: 'local', code: 'install.disk-not-checked' })
  await installs.command(key, 'install')
  t.match(record(), { mode: 'install' })
  t.match((await send('GET', 'boot.ipxe')).body, /installs as debian/)
  t.match(
    (await booted(t, unchecked({ wipe: 'always' }))).script,
    /installs as debian/,
    'wipe: always permits it',
  )
})

t.test('every one of many answer files is sent, also a second time', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const texts = Object.fromEntries(names.map((name) => [`/srv/${name}`, name]))
  const group = { answers: Object.keys(texts), requireDhcp: false }
  const { send, token } = await booted(t, { os: 'custom', group, texts }, true)
  for (const name of [...names, ...names]) {
    t.same(await send('GET', `${token}/${name}`).then(({ statusCode, body }) => [statusCode, body]), [
      200,
      name,
    ])
  }
})
