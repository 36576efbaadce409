/**
 * A site as libvirt XML: its network, and a domain for each node with the MAC address that the site declares. The minimum
 * for an installation, as a template for your own. Formats: libvirt.org/formatnetwork.html and formatdomain.html.
 */
import { devicePath } from '../../plan/disks/target.ts'
import { subnetOf, type Model, type NodeModel } from '../../plan/model.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { OtherSystem } from '../../site/other-systems.ts'
import type { Architecture, Role, Subnet } from '../../site/schema.ts'

type Size = { readonly cpus: number; readonly gibibytes: number }

/** Enough for the live systems of the installers. */
const otherSize: Size = { cpus: 2, gibibytes: 4 }

/** The minimum sizes in the OpenShift documents. */
const sizes: Readonly<Record<Role, Size> & Partial<Record<OtherSystem, Size>>> = {
  bootstrap: { cpus: 4, gibibytes: 16 },
  master: { cpus: 4, gibibytes: 16 },
  arbiter: { cpus: 2, gibibytes: 8 },
  single: { cpus: 8, gibibytes: 16 },
  worker: { cpus: 2, gibibytes: 8 },
  infra: { cpus: 2, gibibytes: 8 },
}

/** What differs between the architectures. */
type Machine = {
  /** From the type of the machine to its devices. */
  readonly head: readonly string[]
  /** A comment about the order of the boot devices. */
  readonly bootOrder: readonly string[]
  readonly card: 'virtio' | 'spapr-vlan'
  readonly console: readonly string[]
}

const serialConsole = ["    <serial type='pty'/>", "    <console type='pty'/>"]

function uefiMachine(type: string, features: string, video: readonly string[] = []): Machine {
  return {
    head: [
      '  <!-- UEFI without Secure Boot, which rejects the boot loader. -->',
      "  <os firmware='efi'>",
      `    <type ${type}>hvm</type>`,
      "    <firmware><feature enabled='no' name='secure-boot'/></firmware>",
      '  </os>',
      `  <features>${features}</features>`,
      "  <cpu mode='host-passthrough'/>",
    ],
    bootOrder: [],
    card: 'virtio',
    console: [...serialConsole, "    <graphics type='vnc'/>", ...video],
  }
}

const machines: Readonly<Record<Architecture, Machine>> = {
  x86_64: uefiMachine("arch='x86_64' machine='q35'", '<acpi/><apic/>'),
  aarch64: uefiMachine("arch='aarch64' machine='virt'", '<acpi/>', [
    "    <video><model type='virtio'/></video>",
  ]),
  ppc64le: {
    head: ["  <os><type arch='ppc64le' machine='pseries'>hvm</type></os>"],
    bootOrder: [],
    // GRUB for Open Firmware finds no virtio card.
    card: 'spapr-vlan',
    console: serialConsole,
  },
  s390x: {
    head: ["  <os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os>"],
    bootOrder: [
      '    <!-- The firmware of s390x can try only the first device: swap the two numbers after the installation. -->',
    ],
    card: 'virtio',
    console: ["    <console type='pty'><target type='sclp'/></console>"],
  },
}

/** Returns nothing when the address of the server is in none of the subnets: then there is no network to define. */
export function libvirtNetwork(model: Model): string | undefined {
  const { site, endpoint } = model
  const subnet = subnetOf(site, endpoint.address)
  if (subnet === undefined) return undefined
  const bridge = site.server.interface
  return xml([
    '<network>',
    `  <name>${networkName(model)}</name>`,
    ...(subnet.gateway === endpoint.address ? ["  <forward mode='nat'/>"] : []),
    ...(bridge === undefined ? [] : [`  <bridge name='${attribute(bridge)}'/>`]),
    '  <!-- libvirt serves neither DHCP nor DNS here: slipway does. -->',
    "  <dns enable='no'/>",
    `  <ip address='${formatIpv4(endpoint.address)}' prefix='${subnet.cidr.prefix}'/>`,
    '</network>',
  ])
}

/** Returns a warning if the site's interface has the name of a network card, which libvirt cannot use as a bridge. */
export function bridgeWarning({ site: { server } }: Model): string | undefined {
  const { interface: name = '' } = server
  if (!/^(?:en|eth|ib|wl)/.test(name)) return undefined
  return `${name} is a network card, not a bridge: replace <bridge name='${name}'/> with the name of a bridge, such as virbr1`
}

/** Returns nothing for a node that is not on the server's network: a relay agent is not part of the test network. */
export function libvirtDomain(model: Model, node: NodeModel): string | undefined {
  const subnet: Subnet | undefined = subnetOf(model.site, model.endpoint.address)
  if (node.subnet !== subnet) return undefined
  const { cpus, gibibytes } = sizes[node.role] ?? otherSize
  const machine = machines[model.site.images[node.image]?.architecture ?? 'x86_64']
  const name = `${node.cluster}-${node.name}`
  const interfaces = [node.mac, ...(node.otherMacs ?? [])]
  const { target, bus, controller } = diskOf(deviceOf(node))
  return xml([
    "<domain type='kvm'>",
    `  <name>${name}</name>`,
    `  <memory unit='GiB'>${gibibytes}</memory>`,
    `  <vcpu>${cpus}</vcpu>`,
    ...machine.head,
    '  <devices>',
    '    <!-- Network before disk: slipway decides what each boot leads to, and a machine whose server',
    '         is down boots its disk. With the two numbers swapped, it uses the network only while the disk is empty. -->',
    ...machine.bootOrder,
    ...interfaces.flatMap((mac, index) => [
      "    <interface type='network'>",
      `      <mac address='${mac}'/>`,
      `      <source network='${networkName(model)}'/>`,
      `      <model type='${machine.card}'/>`,
      `      <boot order='${index + 1}'/>`,
      '    </interface>',
    ]),
    "    <disk type='volume' device='disk'>",
    "      <driver name='qemu' type='qcow2'/>",
    `      <source pool='default' volume='${name}.qcow2'/>`,
    `      <target dev='${target}' bus='${bus}'/>`,
    `      <boot order='${interfaces.length + 1}'/>`,
    '    </disk>',
    ...controller,
    ...machine.console,
    "    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    '  </devices>',
    '</domain>',
  ])
}

function networkName({ site }: Model): string {
  return site.site
}

type Disk = { readonly target: string; readonly bus: string; readonly controller: readonly string[] }

/** Chooses a bus under which the guest names the disk as the site does: vda is virtio, all others the first SCSI disk. */
function diskOf(path: string): Disk {
  const name = path.slice('/dev/'.length)
  if (/^vd[a-z]+$/.test(name)) return { target: name, bus: 'virtio', controller: [] }
  return {
    target: /^sd[a-z]+$/.test(name) ? name : 'sda',
    bus: 'scsi',
    controller: ["    <controller type='scsi' model='virtio-scsi'/>"],
  }
}

function xml(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}

/** Escapes a value; all other values of a site in this document are labels, numbers, and addresses. */
function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;')
}

/** A test machine has one disk, which has none of the properties that hints name. */
function deviceOf({ disk }: NodeModel): string {
  return (disk && devicePath(disk)) ?? '/dev/sda'
}
