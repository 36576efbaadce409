/** What TFTP creates for one node, with the decisions of real installations. */
import t, { type Test } from 'tap'
import type { Seen } from '../../../src/install/observation.ts'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { compileInstall } from '../../../src/plan/install.ts'
import type { Model } from '../../../src/plan/model.ts'
import { createTftpFiles, type NodeFile } from '../../../src/install/boot/tftp-files.ts'
import { acknowledged, installsWorld } from '../../support/installs.ts'
import { agentImage, exampleModel, exampleSite } from '../../support/model.ts'
import { readFirmware } from '../../support/firmware-config.ts'
import { newRun, runGrub } from '../../support/grub-script.ts'

const address = '192.0.2.11'
const server = '(tftp,192.0.2.2)'
const settings = new Map([['slipway', server]])

/** @param settings of the node `ocp45/m1` @param cluster settings of its cluster */
function world(_t: Test, node: Record<string, unknown> = {}, cluster: Record<string, unknown> = {}) {
  const site = exampleSite()
  Object.assign(site.clusters[0]!, cluster)
  Object.assign(
    site.clusters[0]!.nodes.find(({ name }) => name === 'm1')!,
    { loader: 'grub', ...node },
  )
  return worldOf(exampleModel(site))
}

function worldOf(model: Model) {
  const { plan } = compileHttp(model)
  const installPlan = compileInstall(model)
  const { installs } = installsWorld({ plan: () => installPlan })
  const seen: Seen[] = []
  const neighbors = new Map<string, string>()
  const files = createTftpFiles({
    installs,
    observe: (each) => void seen.push(each),
    plan: () => plan,
    readNeighbor: (of) => Promise.resolve(neighbors.get(of)),
  })
  return { files, installs, seen, neighbors }
}

function text(file: NodeFile | undefined): string {
  if (file?.kind !== 'text') throw new Error(JSON.stringify(file))
  return Buffer.from(file.text).toString()
}

t.test('the first configuration is found by address, also with the MAC address in its name', async (t) => {
  const { files, seen } = world(t)
  const plain = text(await files.find('grub/grub.cfg', address))
  t.match(plain, 'source "${slipway}"\'/boot/ocp45/m1/boot.grub\'')
  t.equal(text(await files.find('image-rhcos/grub.cfg-01-00-00-5e-00-53-11', address)), plain)
  t.equal(text(await files.find('grub.cfg-C000020B', address)), plain)
  t.equal(await files.find('grub.cfg-C00002', address), undefined, 'a part of an address')
  t.equal(await files.find('grub.cfg-01-00-00-5e-00-53-12', address), undefined, 'another machine')
  t.equal(await files.find('grub/grub.cfg', '192.0.2.21'), undefined, 'a node with another loader')
  t.equal(await files.find('grub/grub.cfg', '192.0.2.99'), undefined, 'an undeclared address')
  t.same(seen, [], 'it decides nothing')
})

t.test('a script installs only after the firmware requested its address', async (t) => {
  const { files, installs, seen } = world(t)
  const before = newRun()
  t.equal(runGrub(text(await files.find('boot/ocp45/m1/boot.grub', address)), { run: before }).kind, 'end')
  t.match(before.printed.join(' '), /restart the machine/)
  installs.observe(acknowledged('ocp45/m1', 'firmware'))
  const after = runGrub(text(await files.find('boot/ocp45/m1/boot.grub', address)), { settings })
  t.match(after, { kind: 'boot', kernel: `${server}/images/rhcos/rhcos-live-kernel-x86_64` })
  t.match(seen.at(-1), { kind: 'script', script: 'install', role: 'master', node: 'ocp45/m1' })
  t.equal(installs.list().find(({ node }) => node === 'ocp45/m1')?.mode, 'installing', 'it is recorded')
})

t.test('a system that starts ends the exchange of the firmware', async (t) => {
  const { files, installs } = world(t)
  installs.observe(acknowledged('ocp45/m1', 'http-firmware'))
  installs.observe(acknowledged('ocp45/m1', 'system'))
  const run = newRun()
  const outcome = runGrub(text(await files.find('boot/ocp45/m1/boot.grub', address)), { run, settings })
  t.equal(outcome.kind, 'exit', 'a foreign system keeps its disk')
})

t.test('the firmware of a node that boots through iPXE does not count', async (t) => {
  const { files, installs } = world(t, { loader: 'snponly' })
  installs.observe(acknowledged('ocp45/m1', 'firmware'))
  t.equal(runGrub(text(await files.find('boot/ocp45/m1/boot.grub', address))).kind, 'end')
})

t.test('another address, or another MAC address, gets nothing of the node', async (t) => {
  const { files, neighbors, seen } = world(t)
  t.match(await files.find('boot/ocp45/m1/boot.grub', '192.0.2.21'), {
    kind: 'refused',
    reason: '192.0.2.21 is not an address of ocp45/m1',
  })
  neighbors.set(address, '00:00:5e:00:53:99')
  t.match(await files.find('boot/ocp45/m1/boot.grub', address), {
    kind: 'refused',
    reason: /has the MAC address 00:00:5e:00:53:99/,
  })
  neighbors.set(address, '00:00:5e:00:53:11')
  t.equal((await files.find('boot/ocp45/m1/boot.grub', address))?.kind, 'text')
  t.equal(seen.length, 1)
})

t.test('a cluster with open access sends scripts to every client', async (t) => {
  const { files } = world(t, {}, { ignitionAccess: 'open' })
  t.equal((await files.find('boot/ocp45/m1/boot.grub', '192.0.2.99'))?.kind, 'text')
})

t.test('menus, the local disk, and roles', async (t) => {
  const { files } = world(t, { boot: 'menu' })
  t.match(text(await files.find('boot/ocp45/m1/menu.grub', address)), /menuentry 'Install as master/)
  t.match(text(await files.find('boot/ocp45/m1/local.grub', address)), /exit 1/)
  t.match(text(await files.find('boot/ocp45/m1/install-master.grub', address)), /restart the machine/)
  t.match(text(await files.find('boot/ocp45/m1/boot.grub', address)), /slipway_menu=1/)
  t.equal(await files.find('boot/ocp45/m1/install-single.grub', address), undefined)
  t.equal(await files.find('boot/ocp45/none/boot.grub', address), undefined)
  t.equal(await files.find('boot/ocp45/m1/http.grub', address), undefined, 'TFTP is not HTTP')
  t.equal(await files.find('efi/snponly.efi', address), undefined)
})

t.test('the files of an image that nodes boot, and no secrets', async (t) => {
  const { files } = world(t)
  t.match(await files.find('images/rhcos/rhcos-live-kernel-x86_64', address), {
    kind: 'image',
    path: '/srv/rhcos/rhcos-live-kernel-x86_64',
    what: 'kernel',
  })
  t.equal(await files.find('images/rhcos/other', address), undefined)
  t.equal(await files.find('images/none/other', address), undefined)
  const model = exampleModel(exampleSite(), { images: new Map([['rhcos', agentImage('/srv/rhcos')]]) })
  const { plan } = compileHttp(model)
  const agent = createTftpFiles({
    installs: installsWorld().installs,
    observe() {},
    plan: () => plan,
    readNeighbor: () => Promise.resolve(undefined),
  })
  t.equal(await agent.find('images/rhcos/agent.x86_64-initrd.img', address), undefined)
  t.equal((await agent.find('images/rhcos/agent.x86_64-vmlinuz', address))?.kind, 'image')
})

t.test('PXELINUX and U-Boot get their first file, and only for nodes with this loader', async (t) => {
  const own = 'bios/pxelinux.cfg/01-00-00-5e-00-53-11'
  const pxelinux = world(t, { loader: 'pxelinux' }).files
  t.match(text(await pxelinux.find(own, address)), 'INCLUDE http://192.0.2.2/boot/ocp45/m1/boot.pxelinux')
  t.equal(await pxelinux.find('boot.scr.uimg', address), undefined)
  t.equal(await pxelinux.find('bios/pxelinux.cfg/44454c4c-0000-8000-4000-525400000021', address), undefined)
  t.equal(await pxelinux.find('grub.cfg', address), undefined)
  const uboot = world(t, { loader: 'u-boot' }).files
  t.match(text(await uboot.find(own, address)), 'include /boot/ocp45/m1/boot.uboot')
  t.match(
    text(await uboot.find('boot.scr.uimg', address)),
    'tftpboot ${pxefile_addr_r} /boot/ocp45/m1/${slipway_next}',
  )
})

t.test('U-Boot gets the decision of the node by TFTP', async (t) => {
  const { files, installs, seen } = world(t, { loader: 'u-boot' })
  t.match(text(await files.find('boot/ocp45/m1/boot.uboot', address)), /restart the machine/)
  installs.observe(acknowledged('ocp45/m1', 'firmware'))
  t.match(text(await files.find('boot/ocp45/m1/boot.uboot', address)), /^ {2}kernel \/images\/rhcos\//m)
  t.same(
    seen.map((each) => each.kind === 'script' && each.script),
    ['wait', 'install'],
  )
})

t.test(
  'firmware that reads a configuration itself gets the decision under its MAC address, and only there',
  async (t) => {
    const site = exampleSite()
    site.images = { rhcos: { dir: '/srv/rhcos', architecture: 's390x' } as { dir: string } }
    const { files, installs, neighbors } = worldOf(exampleModel(site))
    const own = '/boot/ocp45/m1/pxelinux.cfg/01-00-00-5e-00-53-11'
    const requested = own.slice(1)
    t.equal(readFirmware(text(await files.find(requested, address))), undefined, 'without a DHCP exchange')
    installs.observe(acknowledged('ocp45/m1', 'firmware'))
    const entry = readFirmware(text(await files.find(requested, address)))
    t.match(entry?.kernel, /^\/images\/rhcos\//)
    t.match(
      entry?.arguments.join(' '),
      /coreos\.inst\.ignition_url=\S+\/[\w-]{22}\/master\.ign/,
      'with a token',
    )
    t.equal(await files.find('pxelinux.cfg/default', address), undefined)
    t.equal(await files.find('pxelinux.cfg/C000020B', address), undefined)
    t.equal(await files.find('pxelinux.cfg/01-00-00-5e-00-53-12', address), undefined, 'another machine')
    t.equal(await files.find(requested, '192.0.2.99'), undefined, 'an undeclared address')
    neighbors.set(address, '00:00:5e:00:53:99')
    t.match(await files.find(requested, address), {
      kind: 'refused',
      reason: /has the MAC address 00:00:5e:00:53:99/,
    })
  },
)
