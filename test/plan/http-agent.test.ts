/** Images of the agent-based installer: Ignition file and disk are in them. */
import t from 'tap'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { scanIgnition } from '../../src/scan/scan.ts'
import { agentImage, exampleModel, exampleSite, missing } from '../support/model.ts'

t.test('a node without a disk can be installed only by an agent', (t) => {
  const site = exampleSite()
  Reflect.deleteProperty(site.clusters[0]!, 'disk')
  site.clusters[0]!.nodes = site.clusters[0]!.nodes.slice(1, 2)
  const sentence = 'ocp45/m1 has no disk to install on: set disk, for example `disk: /dev/sda`'
  const { plan, findings } = compileHttp(exampleModel(site))
  const message = `${sentence} (needed by ocp45/m1)`
  t.same(findings, [{ code: 'boot.disk-missing', severity: 'error', about: 'ocp45/m1', message }])
  t.match(plan.scripts.get('/boot/ocp45/m1/boot.ipxe'), { boot: 'wait', problem: sentence })
  t.match(plan.scripts.get('/boot/ocp45/m1/menu.ipxe')!.body, 'item --gap -- Installing erases its disk\n')
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  Object.assign(site, { wipe: 'always' })
  t.same(compileHttp(exampleModel(site, { images })).findings, [])
  t.end()
})

t.test(
  'an agent image has its own arguments, no Ignition file, no choice of roles, and a list of its secrets',
  async (t) => {
    const site = exampleSite()
    const [cluster] = site.clusters
    Reflect.deleteProperty(cluster!, 'ignition')
    Object.assign(cluster!, { wipe: 'always' })
    cluster!.nodes = cluster!.nodes.filter(({ role }) => role === 'master')
    const ignition = new Map([['ocp45', await scanIgnition(siteSchema.parse(site).clusters[0]!, true)]])
    const images = new Map([
      ['rhcos', { ...agentImage('/srv/rhcos'), secrets: new Set(['agent.x86_64.iso']) }],
    ])
    const { plan, findings } = compileHttp(exampleModel(site, { images, ignition }))
    t.same(findings, [])
    t.same(
      [...plan.scripts.keys()].map((path) => path.slice('/boot/ocp45/m1/'.length)),
      ['boot.ipxe', 'menu.ipxe', 'local.ipxe', 'install-master.ipxe'],
    )
    const { body } = plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!
    const base = 'http://192.0.2.2/images/rhcos/agent.x86_64'
    t.match(
      body,
      `kernel ${base}-vmlinuz initrd=main coreos.live.rootfs_url=${base}-rootfs.img rw ignition.firstboot fips=1 || goto`,
    )
    const secret = 'http://192.0.2.2/boot/ocp45/m1/@token-of-the-install@/agent.x86_64-initrd.img'
    t.match(body, `initrd --name main ${secret} || goto failed`)
    t.match(body, 'installs as the agent decides')
    t.equal(body.includes('coreos.inst'), false)
    t.equal(plan.ignition.get('/boot/ocp45/m1/master.ign'), undefined)
    t.same([...plan.ignition.keys()], [])
    const menu = plan.scripts.get('/boot/ocp45/m1/menu.ipxe')!.body
    t.match(menu, 'Installing erases the disk that the agent chooses')
    t.same(menu.match(/^item \w+ Install as .*$/gm), ['item master Install as master (declared)'])
    t.same(plan.images.get('rhcos')!.secrets, new Set(['agent.x86_64-initrd.img', 'agent.x86_64.iso']))
    t.end()
  },
)

t.test('an agent image without a script starts with the default arguments, and causes a warning', (t) => {
  const { kernelArguments, ...image } = agentImage('/srv/rhcos')
  t.equal(kernelArguments.length, 3)
  const lacking = { ...image, initramfs: missing('/srv/rhcos', 'no agent.*-initrd.img in /srv/rhcos') }
  const site = Object.assign(exampleSite(), { wipe: 'always' })
  const { plan, findings } = compileHttp(exampleModel(site, { images: new Map([['rhcos', image]]) }))
  t.match(
    plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!.body,
    ' rw ignition.firstboot ignition.platform.id=metal ||',
  )
  t.match(findings, [
    {
      code: 'image.agent-script-missing',
      severity: 'warning',
      about: 'image rhcos',
      message:
        /^there is no readable iPXE script beside its files, so nodes start with rw ignition\.firstboot /,
    },
  ])
  const { plan: without } = compileHttp(
    exampleModel(exampleSite(), { images: new Map([['rhcos', lacking]]) }),
  )
  t.same(without.images.get('rhcos')!.secrets, new Set())
  t.match(without.scripts.get('/boot/ocp45/m1/boot.ipxe'), { boot: 'wait' })
  t.end()
})

t.test('with server.tls, the initramfs of an agent stays a secret in an open cluster', (t) => {
  const site = exampleSite()
  Object.assign(site.clusters[0]!, { ignitionAccess: 'open' })
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  const secrets = () => [
    ...(compileHttp(exampleModel(site, { images })).plan.images.get('rhcos')?.secrets ?? []),
  ]
  t.same(secrets(), [])
  site.server['tls'] = { ca: 'generated' }
  t.same(secrets(), ['agent.x86_64-initrd.img'])
  t.end()
})
