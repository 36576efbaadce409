/** What libvirt and a management cluster take, rendered from the example sites. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { agentServiceConfig, bareMetalHosts, type Rendered } from '../../src/cli/render/hosted-yaml.ts'
import { libvirtDomain, libvirtNetwork } from '../../src/cli/render/libvirt-xml.ts'
import { loaderNames } from '../../src/plan/facts.ts'
import { buildModel, type Model } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import { found, ignitionFiles, installerImage, liveImage } from '../support/model.ts'

function example(name: string, edit = (text: string) => text, iso?: string): Model {
  const text = readFileSync(new URL(`../../config/examples/${name}.yaml`, import.meta.url), 'utf8')
  const loaded = loadSite(edit(text), '/etc/slipway/site.yaml')
  if (loaded.kind === 'problems') throw new Error(JSON.stringify(loaded.problems))
  const { site } = loaded
  const image = { ...liveImage('/images'), ...(iso === undefined ? {} : { iso: found(`/images/${iso}`) }) }
  return buildModel(site, {
    images: new Map(Object.keys(site.images).map((each) => [each, image])),
    ignition: new Map(site.clusters.map((each) => [each.name, ignitionFiles('/ignition')])),
    loaders: new Map(loaderNames.map((loader) => [loader, found(`/usr/lib/ipxe/${loader}`)])),
  })
}

const textOf = (rendered: Rendered) => ('text' in rendered ? rendered.text : rendered.reason)
const documents = (rendered: Rendered): unknown[] =>
  parseAllDocuments(textOf(rendered)).map((document) => document.toJS() as unknown)
const domain = (model: Model, name: string) =>
  libvirtDomain(
    model,
    model.nodes.find((node) => node.name === name)!,
  )

t.test(
  'the network of a test rig has the address of the server on its bridge, and no DHCP or DNS of libvirt',
  (t) => {
    const text = libvirtNetwork(example('libvirt')) ?? ''
    t.match(text, "<forward mode='nat'/>")
    t.match(text, "<bridge name='virbr-rig'/>")
    t.match(text, "<dns enable='no'/>")
    t.match(text, "<ip address='192.168.130.1' prefix='24'/>")
    t.equal(text.includes('<dhcp>'), false)
    const plain = libvirtNetwork(
      example('libvirt', (site) =>
        site.replace('interface: virbr-rig, ', '').replace(', gateway: 192.168.130.1', ''),
      ),
    )
    t.equal(/forward|bridge/.test(plain ?? ''), false)
    t.match(
      libvirtNetwork(example('libvirt', (site) => site.replace('virbr-rig,', "a'<&,"))),
      'a&apos;&lt;&amp;',
    )
    t.equal(
      libvirtNetwork(
        example('libvirt', (site) => site.replace('address: 192.168.130.1', 'address: 10.0.0.1')),
      ),
      undefined,
    )
    t.end()
  },
)

t.test('a domain has the MAC address and the disk of its node, and boots from the network first', (t) => {
  const text = domain(example('libvirt'), 'm1') ?? ''
  t.match(text, "<mac address='52:54:00:00:30:21'/>")
  t.match(text, "<target dev='vda' bus='virtio'/>")
  t.ok(text.indexOf("<boot order='1'/>") < text.indexOf("<boot order='2'/>"))
  t.match(text, "<memory unit='GiB'>16</memory>")
  const arm = example('arm64')
  t.match(domain(arm, 'm1'), "arch='aarch64' machine='virt'")
  t.match(domain(arm, 'm1'), "<target dev='sda' bus='scsi'/>", 'a disk that libvirt cannot name so')
  t.match(domain(arm, 'x1'), "arch='x86_64' machine='q35'")
  t.match(
    domain(
      example('arm64', (site) => site.replace('/dev/sda', '/dev/sdb')),
      'x1',
    ),
    "dev='sdb' bus='scsi'",
  )
  t.equal(domain(example('two-clusters'), 'bs'), undefined, 'behind a relay agent')
  t.end()
})

t.test(
  'a domain of IBM Power or IBM Z has the machine, the network card, and the console of its architecture',
  (t) => {
    const power = domain(example('power'), 'm1') ?? ''
    t.match(power, "<type arch='ppc64le' machine='pseries'>hvm</type>")
    t.match(power, "<model type='spapr-vlan'/>")
    const z = domain(
      example('power', (site) => site.replace('architecture: ppc64le', 'architecture: s390x')),
      'm1',
    )
    t.match(z, "<type arch='s390x' machine='s390-ccw-virtio'>hvm</type>")
    t.match(z, "<console type='pty'><target type='sclp'/></console>")
    t.match(z, 'swap the two numbers after the installation')
    for (const text of [power, z]) t.notMatch(text, /efi|q35|vnc|acpi/)
    t.end()
  },
)

t.test('a domain has an interface for each MAC address, and boots from all of them before the disk', (t) => {
  const several = (site: string) =>
    site.replace('mac: "52:54:00:00:30:21"', 'mac: ["52:54:00:00:30:21", "52:54:00:00:30:a1"]')
  const text = domain(example('libvirt', several), 'm1') ?? ''
  t.same(
    [...text.matchAll(/<mac address='(.*)'\/>|<boot order='(\d)'\/>/g)].map(([, mac, order]) => mac ?? order),
    ['52:54:00:00:30:21', '1', '52:54:00:00:30:a1', '2', '3'],
  )
  t.end()
})

t.test('the assisted service gets the URLs of ISOs, with a name that has addresses of both families', (t) => {
  const model = example('hosted-control-planes', undefined, 'rhcos-417.94.202411261220-0-live.x86_64.iso')
  t.match(documents(agentServiceConfig(model)), [
    {
      apiVersion: 'agent-install.openshift.io/v1beta1',
      kind: 'AgentServiceConfig',
      spec: {
        osImages: [
          {
            openshiftVersion: '4.17',
            version: '417.94.202411261220-0',
            cpuArchitecture: 'x86_64',
            url: 'http://images.hypershift.lab:8080/images/rhcos-4.17/rhcos-417.94.202411261220-0-live.x86_64.iso',
          },
        ],
      },
    },
  ])
  const [arm] = documents(agentServiceConfig(example('arm64', undefined, 'live.iso')))
  t.match(arm, {
    spec: {
      osImages: [
        {
          cpuArchitecture: 'arm64',
          version: '4.17',
          url: 'http://172.16.0.101/images/rhcos-4.17-arm/live.iso',
        },
        { cpuArchitecture: 'x86_64' },
      ],
    },
  })
  t.end()
})

t.test('an image without an ISO, or without a version in its name, is an error', (t) => {
  const none = 'no image directory contains a live ISO (*live*.iso), which the assisted service boots'
  const model = example('hosted-control-planes')
  t.same(agentServiceConfig(model), { reason: none })
  const images = new Map([['rhcos-4.17', installerImage('/images')]])
  t.same(agentServiceConfig({ ...model, facts: { ...model.facts, images } }), { reason: none })
  const nameless = example(
    'hosted-control-planes',
    (site) => site.replaceAll('rhcos-4.17', 'rhcos'),
    'live.iso',
  )
  t.same(agentServiceConfig(nameless), {
    reason:
      'the name of image rhcos does not contain an OpenShift version; rename it, for example to rhcos-4.17',
  })
  t.end()
})

t.test('the hints of a BareMetalHost are those of the site, with byPath as deviceName', (t) => {
  const hints = { byPath: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1', rotational: false }
  const hosts = (disk: string) =>
    documents(
      bareMetalHosts(example('hosted-control-planes', (site) => site.replace('disk: /dev/sda', disk))),
    )
  t.match(hosts(`disk: ${JSON.stringify(hints)}`)[0], {
    spec: { rootDeviceHints: { deviceName: hints.byPath, rotational: false, byPath: undefined } },
  })
  t.match(hosts('mirror: [/dev/sda, /dev/sdb]')[0], { spec: { rootDeviceHints: { deviceName: '/dev/sda' } } })
  t.end()
})

t.test('renders a BareMetalHost for each node with a BMC', (t) => {
  const hosts = documents(bareMetalHosts(example('hosted-control-planes')))
  t.equal(hosts.length, 2)
  t.match(hosts[0], {
    kind: 'BareMetalHost',
    metadata: {
      name: 'w1',
      namespace: 'guest',
      annotations: { 'bmac.agent-install.openshift.io/hostname': 'w1.guest.hypershift.lab' },
    },
    spec: { bootMACAddress: '00:50:56:96:30:01', rootDeviceHints: { deviceName: '/dev/sda' } },
  })
  t.same(bareMetalHosts(example('libvirt')), {
    reason: 'no node declares a bmc, the address of its management controller',
  })
  t.end()
})
