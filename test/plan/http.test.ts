import t from 'tap'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { absoluteUrl, urlPaths } from '../../src/plan/urls.ts'
import { loaderNames, type IgnitionFact } from '../../src/plan/facts.ts'
import {
  completeFacts,
  exampleModel,
  exampleSite,
  found,
  ignitionFile,
  ignitionFiles,
  installerImage,
  liveImage,
  missing,
} from '../support/model.ts'

t.test('every URL in a script is served at exactly that path', (t) => {
  const model = exampleModel()
  const { plan } = compileHttp(model)
  const served = new Set([
    ...[...plan.scripts.keys(), ...plan.ignition.keys()].map((path) => absoluteUrl(model.endpoint, path)),
    ...model.nodes.map((node) => absoluteUrl(model.endpoint, urlPaths.liveIgnition(node))),
    ...[...plan.images].flatMap(([image, { files }]) =>
      [...files.keys()].map((file) => absoluteUrl(model.endpoint, urlPaths.image(image, file))),
    ),
  ])
  const named = [...plan.scripts.values()].flatMap(({ body }) => body.match(/http:\/\/\S+/g) ?? [])
  t.equal(named.length > 50, true)
  t.same(
    named.filter((url) => !served.has(url) && !served.has(url.replace('@token-of-the-install@/', ''))),
    [],
  )
  t.end()
})

t.test('each node has a boot script, a menu, an installation for each role, and the Ignition files', (t) => {
  const { plan, findings } = compileHttp(exampleModel())
  const ofMaster = (paths: Iterable<string>) =>
    [...paths].filter((path) => path.startsWith('/boot/ocp45/m1/'))
  t.same(ofMaster(plan.scripts.keys()), [
    '/boot/ocp45/m1/boot.ipxe',
    '/boot/ocp45/m1/menu.ipxe',
    '/boot/ocp45/m1/local.ipxe',
    '/boot/ocp45/m1/install-bootstrap.ipxe',
    '/boot/ocp45/m1/install-master.ipxe',
    '/boot/ocp45/m1/install-worker.ipxe',
  ])
  t.same(ofMaster(plan.ignition.keys()), [
    '/boot/ocp45/m1/bootstrap.ign',
    '/boot/ocp45/m1/master.ign',
    '/boot/ocp45/m1/worker.ign',
  ])
  const { additions, ...file } = plan.ignition.get('/boot/ocp45/m1/worker.ign')!
  t.match(additions, { files: { length: 0 }, units: [{ name: 'slipway-started.service' }] })
  t.same(file, {
    file: '/srv/ignition/worker.ign',
    node: 'ocp45/m1',
    kind: 'worker',
    contents: { version: '3.2.0', unread: 0 },
  })
  t.same(findings, [])
  t.end()
})

t.test('the plan has the listening addresses, the image directories, and the node of each address', (t) => {
  const site = exampleSite()
  site.server = { address: '192.0.2.2', ports: { http: 8080 } }
  const { plan } = compileHttp(exampleModel(site))
  t.equal(plan.address, '192.0.2.2')
  t.equal(plan.port, 8080)
  t.equal(plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!.body.includes('kernel http://192.0.2.2:8080/'), true)
  t.same(
    plan.images,
    new Map([
      [
        'rhcos',
        {
          dir: '/srv/rhcos',
          files: new Map([
            ['rhcos-live-kernel-x86_64', 'kernel'],
            ['rhcos-live-initramfs.x86_64.img', 'initramfs'],
            ['rhcos-live-rootfs.x86_64.img', 'rootfs'],
          ]),
          secrets: new Set(),
        },
      ],
    ]),
  )
  t.equal(plan.nodeByAddress.get('192.0.2.11'), 'ocp45/m1')
  t.equal(plan.nodeByAddress.get('2001:db8::11'), 'ocp45/m1')
  t.equal(plan.nodeByAddress.size, 5)
  t.end()
})

t.test('every loader has its path, or the reason why it cannot be served', (t) => {
  const { loaders } = completeFacts(exampleSite())
  const lost = missing('/usr/lib/ipxe/ipxe-arm64.efi', 'no arm64/ipxe.efi')
  const { plan } = compileHttp(
    exampleModel(exampleSite(), { loaders: new Map([...loaders, ['arm64/ipxe.efi', lost]]) }),
  )
  t.same(
    [...plan.loaders.keys()],
    loaderNames.map((name) => `/loaders/${name}`),
  )
  t.same(plan.loaders.get('/loaders/efi/ipxe.efi'), { file: '/usr/lib/ipxe/efi/ipxe.efi' })
  t.same(plan.loaders.get('/loaders/arm64/ipxe.efi'), { file: lost.path, problem: lost.problem })
  t.end()
})

t.test('with another server as installer, the plan has its URL for each node', (t) => {
  const site = exampleSite()
  const urlWith = (installer?: string) => {
    site.server = { address: '192.0.2.2', peers: ['192.0.2.3'], ports: { http: 8080 }, installer }
    return compileHttp(exampleModel(site)).plan.nodes.get('ocp45/m1')!.installerUrl
  }
  t.equal(urlWith('192.0.2.3'), 'http://192.0.2.3:8080/boot/ocp45/m1/boot.ipxe', 'peers use the same ports')
  t.equal(urlWith('192.0.2.2'), undefined, 'this server is the installer')
  t.equal(urlWith(), undefined, 'the site has one server that installs')
  t.end()
})

t.test('the Ignition file of the live system has the version of the role if that is 3', (t) => {
  const versionWith = (master: IgnitionFact) => {
    const ignition = new Map([['ocp45', { ...ignitionFiles('/srv/ignition'), master }]])
    const { plan } = compileHttp(exampleModel(exampleSite(), { ignition }))
    const { ignition: live } = JSON.parse(plan.nodes.get('ocp45/m1')!.liveIgnition) as {
      ignition: { version: string }
    }
    return live.version
  }
  t.equal(versionWith(ignitionFile('/srv/master.ign', { version: '3.4.0' })), '3.4.0')
  t.equal(versionWith(ignitionFile('/srv/master.ign', { version: '2.2.0' })), '3.1.0')
  t.equal(versionWith(missing('/srv/master.ign', 'is not there')), '3.1.0')
  t.end()
})

t.test('a file name is escaped in a URL', (t) => {
  const facts = {
    images: new Map([['rhcos', { ...liveImage('/srv/rhcos'), kernel: found('/srv/rhcos/a b;${x}') }]]),
  }
  const { plan } = compileHttp(exampleModel(exampleSite(), facts))
  const { body } = plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!
  t.match(body, 'kernel http://192.0.2.2/images/rhcos/a%20b%3B%24%7Bx%7D initrd=main')
  t.match(body, 'echo slipway ocp45/m1: kernel a b;$ {x}\n')
  t.end()
})

t.test('a missing file is one finding, with its path and every node that needs it', (t) => {
  const files = {
    ...ignitionFiles('/srv/ignition'),
    worker: missing('/srv/ignition/worker.ign', 'is not there.'),
  }
  const image = {
    ...liveImage('/srv/rhcos'),
    rootfs: missing('/srv/rhcos', 'no *live-rootfs* in /srv/rhcos'),
  }
  const facts = { images: new Map([['rhcos', image]]), ignition: new Map([['ocp45', files]]) }
  const { plan, findings } = compileHttp(exampleModel(exampleSite(), facts))
  t.same(findings, [
    {
      code: 'image.file-missing',
      severity: 'error',
      about: 'image rhcos',
      message: 'no *live-rootfs* in /srv/rhcos (needed by ocp45/bs, ocp45/m1, ocp45/w1, ocp45/i1)',
    },
    {
      code: 'image.file-missing',
      severity: 'error',
      about: 'cluster ocp45',
      message: '/srv/ignition/worker.ign: is not there (needed by ocp45/w1, ocp45/i1)',
    },
  ])
  t.match(plan.ignition.get('/boot/ocp45/w1/worker.ign'), {
    problem: '/srv/ignition/worker.ign: is not there',
  })
  t.equal(plan.ignition.get('/boot/ocp45/w1/master.ign')?.problem, undefined)
  t.same(
    [...plan.images.get('rhcos')!.files.keys()],
    ['rhcos-live-kernel-x86_64', 'rhcos-live-initramfs.x86_64.img'],
  )
  t.end()
})

t.test('a missing directory is reported once, not for each of its files', (t) => {
  const gone = missing('/srv/rhcos', '/srv/rhcos is not there')
  const image = { style: 'live', kernel: gone, initramfs: { ...gone }, rootfs: { ...gone } } as const
  const { plan, findings } = compileHttp(exampleModel(exampleSite(), { images: new Map([['rhcos', image]]) }))
  t.same(
    findings.map(({ message }) => message),
    ['/srv/rhcos is not there (needed by ocp45/bs, ocp45/m1, ocp45/w1, ocp45/i1)'],
  )
  const { body } = plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!
  t.equal(body.split('/srv/rhcos is not there').length, 2)
  t.end()
})

t.test('a file that no node needs is not reported as missing', (t) => {
  const files = {
    ...ignitionFiles('/srv/ignition'),
    worker: missing('/srv/ignition/worker.ign', 'is not there'),
  }
  const site = exampleSite()
  for (const node of site.clusters[0]!.nodes.slice(2)) node['boot'] = 'local'
  t.same(compileHttp(exampleModel(site, { ignition: new Map([['ocp45', files]]) })).findings, [])
  t.end()
})

t.test('a finding about many nodes names the first eight', (t) => {
  const site = exampleSite()
  const cluster = site.clusters[0]!
  cluster.nodes = Array.from({ length: 10 }, (_, index) => ({
    name: `w${index}`,
    role: 'worker',
    mac: `00:00:5e:00:53:0${index}`,
    address: `192.0.2.${100 + index}`,
  }))
  const files = {
    ...ignitionFiles('/srv'),
    worker: missing('/srv/worker.ign', '/srv/worker.ign is not there'),
  }
  const { findings } = compileHttp(exampleModel(site, { ignition: new Map([['ocp45', files]]) }))
  t.match(findings[0]!.message, /needed by ocp45\/w0, .*, ocp45\/w7 and 2 more\)$/)
  t.end()
})

t.test('a command line that the kernel would truncate is an error of its node', (t) => {
  const site = exampleSite()
  const [, master] = site.clusters[0]!.nodes
  const finding = (argument: string) => {
    master!['kernelArguments'] = [argument]
    return compileHttp(exampleModel(site)).findings
  }
  const commandLine = /kernel \S+\/(\S+ .*) \|\| goto failed/
  const { body } = compileHttp(exampleModel()).plan.scripts.get('/boot/ocp45/m1/boot.ipxe')!
  // Two tokens of 22 characters stand where the plan has their placeholder.
  const room =
    2047 - commandLine.exec(body)![1]!.length - 2 * (22 - '@token-of-the-install@'.length) - ' a='.length
  t.same(finding(`a=${'x'.repeat(room)}`), [])
  t.same(finding(`a=${'x'.repeat(room + 1)}`), [
    {
      code: 'boot.command-line-too-long',
      severity: 'error',
      about: 'ocp45/m1',
      message:
        'kernel command line of 2048 bytes is longer than the 2047 bytes that the kernel accepts: shorten kernelArguments',
    },
  ])
  t.end()
})

t.test(
  'a live system with a bond, a team, a bridge, or a VLAN can have the MAC address of another interface',
  (t) => {
    for (const argument of [
      'bond=bond0:ens3,ens4',
      'team=team0:ens3',
      'bridge=br0:ens3',
      'vlan=ens3.5:ens3',
    ]) {
      const site = exampleSite()
      site.clusters[0]!.nodes[1]!['kernelArguments'] = [argument]
      const { nodes } = compileHttp(exampleModel(site)).plan
      t.equal(nodes.get('ocp45/m1')?.usesVirtualInterface, true, argument)
      t.equal(nodes.get('ocp45/m2')?.usesVirtualInterface, undefined, argument)
    }
    t.end()
  },
)

t.test('facts of another site are rejected', (t) => {
  t.throws(() => compileHttp(exampleModel(exampleSite(), { images: new Map() })), {
    name: 'TypeError',
    message: 'site was not scanned: image rhcos not among the facts',
  })
  t.throws(() => compileHttp(exampleModel(exampleSite(), { ignition: new Map() })), {
    name: 'TypeError',
    message: 'site was not scanned: Ignition files of ocp45 not among the facts',
  })
  t.end()
})

t.test('the same site gives the same plan', (t) => {
  t.same(compileHttp(exampleModel()), compileHttp(exampleModel()))
  t.end()
})

t.test('a single node with an image of OpenShift 4.5 gets a finding instead of an installation', (t) => {
  const site = exampleSite()
  const [cluster] = site.clusters
  cluster!.nodes = [{ name: 'n1', role: 'single', mac: '00:00:5e:00:53:11', address: '192.0.2.11' }]
  const installs = (facts: Parameters<typeof exampleModel>[1]) => compileHttp(exampleModel(site, facts))
  const { plan, findings } = installs({ images: new Map([['rhcos', installerImage('/srv/rhcos')]]) })
  t.equal(plan.scripts.get('/boot/ocp45/n1/boot.ipxe')?.boot, 'wait')
  t.same(findings, [
    {
      code: 'image.not-live',
      severity: 'error',
      about: 'image rhcos',
      message:
        '/srv/rhcos contains an image of OpenShift 4.5, but a single node needs a live image (4.8 or later) (needed by ocp45/n1)',
    },
  ])
  t.same([...installs({}).plan.ignition.keys()], ['/boot/ocp45/n1/single.ign'])
  t.end()
})

t.test('an Ignition file that every user can read is a warning, once for each file', (t) => {
  const file = { ...(ignitionFile('/srv/worker.ign') as object), isPublic: true } as never
  const files = { ...ignitionFiles('/srv'), worker: file }
  t.same(compileHttp(exampleModel(exampleSite(), { ignition: new Map([['ocp45', files]]) })).findings, [
    {
      code: 'ignition.readable-by-all',
      severity: 'warning',
      about: 'cluster ocp45',
      message:
        'every user of this machine can read /srv/worker.ign, which contains secrets: run `chmod o-r /srv/worker.ign`',
    },
  ])
  t.end()
})
