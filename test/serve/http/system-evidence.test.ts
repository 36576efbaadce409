/** The evidence of an installation, for each operating system: the token, the address, one installation, and the disk. */
import t, { type Test } from 'tap'
import type { OtherSystem } from '../../../src/site/other-systems.ts'
import { servedSystem } from '../../support/served-system.ts'

const key = 'web/web1'
const own = '192.0.2.41'
const other = '192.0.2.11'

type System = {
  readonly os: OtherSystem
  readonly answers: string
  /** The first file with a token that its installer reads. */
  readonly file: string
  readonly kernelArguments?: readonly string[]
}

/** Talos runs no command; its evidence is below. Fedora CoreOS has that of RHCOS. */
const systems: readonly System[] = [
  { os: 'debian', answers: '/srv/preseed.cfg', file: 'preseed.cfg' },
  { os: 'rhel', answers: '/srv/kickstart.cfg', file: 'kickstart.cfg' },
  { os: 'ubuntu', answers: '/srv/user-data', file: 'user-data' },
  { os: 'flatcar', answers: '/srv/edge.ign', file: 'live.ign' },
  { os: 'fcos', answers: '/srv/edge.ign', file: 'live.ign' },
  {
    os: 'custom',
    answers: '/srv/autoyast.xml',
    file: 'autoyast.xml',
    kernelArguments: ['autoyast={{slipway.answers}}'],
  },
]
const talos: System = { os: 'talos', answers: '/srv/machine.yaml', file: 'machine.yaml' }

async function powerOn(t: Test, { os, answers, kernelArguments }: System, isArmed = false) {
  const group = { answers, requireDhcp: false, ...(kernelArguments && { kernelArguments }) }
  const { installs, app } = await servedSystem(t, { os, group }, isArmed)
  const send = async (method: 'GET' | 'POST', path: string, remoteAddress = own, payload = '') => {
    const url = `/boot/web/web1/${path}`
    const answer = await app.inject({ method, url, remoteAddress, ...(method === 'POST' && { payload }) })
    return { status: answer.statusCode, text: answer.body }
  }
  const boot = async () => {
    const { text } = await send('GET', 'boot.ipxe')
    const token = /web1\/([\w-]{22})\//.exec(text)?.[1] ?? ''
    return { token, isInstalling: token !== '' && !text.includes('boots from its local disk') }
  }
  const mode = () => installs.list().find(({ node }) => node === key)?.mode
  return { installs, send, boot, mode }
}

const report = (type: string) =>
  [
    'slipway-disk 1\ndevice: /dev/sda\npath: /dev/sda\n--- lsblk',
    '{"blockdevices":[{"name":"/dev/sda","type":"disk"}]}\n--- blkid',
    `device=/dev/sda\n${type}\n`,
  ].join('\n')

for (const system of systems) {
  const { os, file } = system

  t.test(`${os}: only the machine with its token gets a file, reports, and is installed once`, async (t) => {
    const { send, boot, mode } = await powerOn(t, system)
    const { token } = await boot()
    const wrong = 'A'.repeat(22)
    t.equal((await send('GET', `${token}/${file}`, other)).status, 403, 'a file, from another address')
    t.equal((await send('GET', `${wrong}/${file}`)).status, 403, 'a file, with a wrong token')
    t.equal((await send('GET', `${token}/${file}`)).status, 200)
    t.equal((await send('POST', `${wrong}/disk`, own, report(''))).status, 403, 'a disk, with a wrong token')
    t.equal((await send('POST', `${token}/disk`, other, report(''))).status, 403, 'a replay of the token')
    t.equal((await send('POST', `${token}/written`, other)).status, 403, 'the end, from another address')
    t.equal((await send('POST', `${wrong}/written`)).status, 403, 'the end, with a wrong token')
    t.equal(mode(), 'installing')
    const permitted = await send('POST', `${token}/disk`, own, report(''))
    t.equal(permitted.status, 200, permitted.text)
    t.equal((await send('POST', `${token}/written`)).status, 204)
    t.equal(mode(), 'installed')
    t.equal((await send('POST', `${token}/disk`, own, report(''))).status, 403, 'no second permission')
    t.equal((await send('GET', `${token}/${file}`)).status, 403, 'no file after the end')
    t.match(await boot(), { isInstalling: false }, 'the next network boot starts the disk')
  })

  t.test(`${os}: a disk that holds data is kept until an administrator permits it`, async (t) => {
    const { installs, send, boot, mode } = await powerOn(t, system)
    const { token } = await boot()
    await send('GET', `${token}/${file}`)
    const kept = await send('POST', `${token}/disk`, own, report('TYPE=ext4'))
    t.equal(kept.status, 409)
    t.match(kept.text, 'run "slipway node install web/web1"')
    t.match(await boot(), { isInstalling: false })
    t.equal(mode(), 'local')
    await installs.command(key, 'install')
    const next = await boot()
    t.match(next, { isInstalling: true })
    await send('GET', `${next.token}/${file}`)
    t.equal((await send('POST', `${next.token}/disk`, own, report('TYPE=ext4'))).status, 200)
  })
}

t.test('talos: an administrator starts each installation, and only the machine gets its file', async (t) => {
  const idle = await powerOn(t, talos)
  t.match(await idle.boot(), { isInstalling: false }, 'without a permission')
  const { send, boot } = await powerOn(t, talos, true)
  const { token } = await boot()
  t.equal((await send('GET', `${token}/machine.yaml`, other)).status, 403, 'from another address')
  t.equal((await send('GET', `${'A'.repeat(22)}/machine.yaml`)).status, 403, 'with a wrong token')
  t.match(await boot(), { isInstalling: true }, 'nothing was sent yet')
  const next = await boot()
  t.equal((await send('GET', `${next.token}/machine.yaml`)).status, 200)
  t.match(await boot(), { isInstalling: false }, 'the disk is tried')
})

t.test('ubuntu: a file that newer releases of cloud-init request, too, costs no read', async (t) => {
  const { send, boot } = await powerOn(t, systems[2] as System)
  const { token } = await boot()
  for (let attempt = 0; attempt < 11; attempt++) {
    t.equal((await send('GET', `${token}/network-config`)).status, 404)
  }
  for (const name of ['meta-data', 'user-data', 'vendor-data']) {
    t.equal((await send('GET', `${token}/${name}`)).status, 200, name)
  }
})
