/** Nodes that boot the script of another installer (`script`): their boot scripts, and what slipway waits for. */
import t from 'tap'
import { renderBoot } from '../../src/plan/boot/render.ts'
import { readScript, type BootPlan } from '../../src/plan/boot/boot-plan.ts'
import type { ImageFacts } from '../../src/plan/facts.ts'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { compile } from '../../src/plan/compile.ts'
import { ignitionFindings } from '../../src/plan/ignition/findings.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { nodeCheckScript } from '../../src/cli/render/node-check.ts'
import { isIpv4Node } from '../../src/plan/model.ts'
import { exampleModel, exampleSite, found, liveImage, missing } from '../support/model.ts'

const url = 'http://assisted.example.net:8090/files?file_name=ipxe-script&api_key=KEY'
const file = '/srv/script.ipxe'
const plain =
  '#!ipxe\nkernel http://images.example.net/k?v=4.17 initrd=i rw\ninitrd --name i http://images.example.net/i\nboot\n'
const path = '/boot/ocp45/m1/boot.ipxe'

function compiled(script: string, facts: ImageFacts, node: Record<string, unknown> = {}) {
  const site = exampleSite()
  const [cluster] = site.clusters
  Reflect.deleteProperty(cluster!, 'ignition')
  Reflect.deleteProperty(cluster!, 'disk')
  Reflect.deleteProperty(cluster!, 'image')
  cluster!.nodes = [{ ...cluster!.nodes[1], script, ...node }]
  const images = new Map([['rhcos', liveImage('/srv/rhcos')], [script, facts] as const])
  const model = exampleModel(site, { images })
  return { model, ...compileHttp(model), install: compileInstall(model) }
}

const remote = { style: 'script', script: found(url, 0) } as const
const local = (text: string) => ({ style: 'script', script: found(file), text }) as const

t.test(
  'a node with a script needs neither a disk nor an Ignition file, and hands over before it boots',
  (t) => {
    const { model, plan, findings, install } = compiled(url, remote)
    t.same(findings, [])
    t.match(install.get('ocp45/m1'), { lastFile: 'handover' })
    t.same(
      [...plan.scripts.keys()].map((each) => each.slice('/boot/ocp45/m1/'.length)),
      ['boot.ipxe', 'menu.ipxe', 'local.ipxe', 'install-master.ipxe'],
    )
    const handover = 'http://192.0.2.2/boot/ocp45/m1/@token-of-the-install@/handover'
    const { body } = plan.scripts.get(path)!
    t.match(body, `imgfetch --name handover ${handover} || goto slipway_unstarted\nimgfree handover\n`)
    t.match(body, `chain --replace --autofree ${url} || goto slipway_unstarted\n`)
    t.match(body, 'runs http://assisted.example.net:8090/files\n')
    t.same([...plan.ignition.keys()], [])
    t.match(plan.scripts.get('/boot/ocp45/m1/menu.ipxe')!.body, 'Installing erases its disk')
    const [node] = model.nodes
    t.ok(isIpv4Node(node!) && !nodeCheckScript(model, node, []).includes('/images/'))
    t.end()
  },
)

t.test('a plain script becomes a plan that iPXE and GRUB can boot', (t) => {
  const { plan } = compiled(file, local(plain), { loader: 'grub', image: 'rhcos', console: 'ttyS0' })
  const entry = plan.nodes.get('ocp45/m1')!
  const boot = plan.scripts.get(path)!.plan()
  t.match(boot, { kind: 'install', style: 'script', arguments: ['rw', 'console=ttyS0'] })
  const ipxe = renderBoot('ipxe', entry, boot, entry.url)
  t.match(ipxe, 'kernel http://images.example.net/k?v=4.17 initrd=main rw console=ttyS0 || goto failed')
  t.match(
    ipxe,
    /initrd --name main http:\/\/images.example.net\/i \|\| goto failed\nimgfetch --name handover /,
  )
  t.match(ipxe, 'boots the installer that its script names, as master')
  const grub = renderBoot('grub', entry, boot, entry.url)
  t.match(grub, "if linux '(http,images.example.net)/k?v=4.17' 'rw' 'console=ttyS0'; then")
  t.match(grub, "if initrd '(http,images.example.net)/i'; then\nif source '(http,192.0.2.2)/boot/ocp45/m1/")
  t.end()
})

t.test('iPXE runs any other script from a file, and GRUB shows why it cannot', (t) => {
  const { plan } = compiled(file, local('#!ipxe\nifopen net1\nchain http://h/next\n'))
  const entry = plan.nodes.get('ocp45/m1')!
  const boot = plan.scripts.get(path)!.plan()
  t.match(
    renderBoot('ipxe', entry, boot, entry.url),
    'imgfree handover\n\nifopen net1\nchain http://h/next\n\n:slipway',
  )
  t.match(
    renderBoot('grub', entry, boot, entry.url),
    'only iPXE can boot /srv/script.ipxe: set loader: snponly',
  )
  t.end()
})

t.test('a fetched script replaces the chain; GRUB cannot read https', (t) => {
  const { plan } = compiled(url, remote)
  const entry = plan.nodes.get('ocp45/m1')!
  const script = plan.scripts.get(path)!.plan() as Extract<BootPlan, { kind: 'script' }>
  t.match(readScript(script, plain), { kind: 'install', kernel: { name: 'kernel' } })
  t.same(readScript(script, '#!ipxe\nchain http://h/next\n'), script, 'iPXE fetches it itself')
  const https = readScript(script, plain.replaceAll('http:', 'https:'))
  t.match(renderBoot('grub', entry, https, entry.url), 'only iPXE can boot https://images.example.net/k: set')
  t.match(renderBoot('ipxe', entry, https, entry.url), 'kernel https://images.example.net/k?v=4.17')
  t.end()
})

t.test('a file that cannot be read is reported with the node', (t) => {
  const script = {
    ...missing(file, `${file} is a directory, not a file`),
    code: 'boot.script-unreadable',
  } as const
  const { findings, plan } = compiled(file, { style: 'script', script })
  const message = `${file} is a directory, not a file (needed by ocp45/m1)`
  t.same(findings, [{ code: 'boot.script-unreadable', severity: 'error', about: 'ocp45/m1', message }])
  t.match(plan.scripts.get(path), { boot: 'wait' })
  t.end()
})

t.test('Ignition files of a cluster that also has nodes with a script are compared only with images', (t) => {
  const site = exampleSite()
  Object.assign(site.clusters[0]!.nodes[3]!, { role: 'worker', script: url })
  Reflect.deleteProperty(site.clusters[0]!, 'image')
  for (const node of site.clusters[0]!.nodes.slice(0, 3)) Object.assign(node, { image: 'rhcos' })
  const images = new Map<string, ImageFacts>([
    ['rhcos', liveImage('/srv/rhcos')],
    [url, remote],
  ])
  t.same(ignitionFindings(compile(exampleModel(site, { images })), 0), [])
  t.end()
})
