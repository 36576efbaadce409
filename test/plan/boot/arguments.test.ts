import t from 'tap'
import type { Installation } from '../../../src/plan/boot/installation.ts'
import { kernelArguments } from '../../../src/plan/boot/arguments.ts'

const file = (name: string) => ({ name, url: `http://192.0.2.2/${name}` })
const common = {
  kind: 'possible',
  kernel: file('kernel'),
  initramfs: file('initramfs'),
  disk: '/dev/sda',
  ignition: 'master',
  ignitionUrl: 'http://192.0.2.2/master.ign',
} as const
const live = { ...common, style: 'live', rootfs: file('rootfs') } satisfies Installation
const single = { ...live, ignition: 'single' } satisfies Installation
const agent: Installation = {
  kind: 'possible',
  style: 'agent',
  kernel: common.kernel,
  initramfs: common.initramfs,
  rootfs: file('rootfs'),
  kernelArguments: ['rw', 'ignition.firstboot'],
}
const installer = { ...common, style: 'installer', metal: file('metal.raw.gz') } satisfies Installation

const cases = [
  {
    name: 'agent: the arguments of its own script, then those of the site',
    installation: agent,
    given: ['console=ttyS0'],
    expected: 'coreos.live.rootfs_url=http://192.0.2.2/rootfs rw ignition.firstboot console=ttyS0',
  },
  {
    name: 'agent: a static address of the site',
    installation: agent,
    given: ['ip=em1:dhcp'],
    expected: 'coreos.live.rootfs_url=http://192.0.2.2/rootfs rw ignition.firstboot ip=em1:dhcp rd.neednet=1',
  },
  {
    name: 'live: the arguments of the OpenShift documents, and addresses by DHCP',
    installation: live,
    given: ['console=tty0', 'console=ttyS0'],
    expected:
      'coreos.live.rootfs_url=http://192.0.2.2/rootfs coreos.inst.install_dev=/dev/sda coreos.inst.ignition_url=http://192.0.2.2/master.ign ip=dhcp console=tty0 console=ttyS0',
  },
  {
    name: 'live: a static address replaces ip=dhcp; then ip=, nameserver=, bond= in this order, and rd.neednet=1',
    installation: live,
    given: [
      'console=ttyS0',
      'vlan=v7:bond0',
      'bond=bond0:em1,em2',
      'nameserver=192.0.2.2',
      'ip=v7:dhcp',
      'ip=em3:off',
    ],
    expected:
      'coreos.live.rootfs_url=http://192.0.2.2/rootfs coreos.inst.install_dev=/dev/sda coreos.inst.ignition_url=http://192.0.2.2/master.ign ip=v7:dhcp ip=em3:off nameserver=192.0.2.2 bond=bond0:em1,em2 vlan=v7:bond0 rd.neednet=1 console=ttyS0',
  },
  {
    name: 'live: rd.neednet=1 is not given twice',
    installation: live,
    given: ['rd.neednet=1', 'ip=em1:dhcp'],
    expected:
      'coreos.live.rootfs_url=http://192.0.2.2/rootfs coreos.inst.install_dev=/dev/sda coreos.inst.ignition_url=http://192.0.2.2/master.ign ip=em1:dhcp rd.neednet=1',
  },
  {
    name: 'live: an argument that only starts like ip= does not set an address',
    installation: live,
    given: ['ipv6.disable=1', 'ipx'],
    expected:
      'coreos.live.rootfs_url=http://192.0.2.2/rootfs coreos.inst.install_dev=/dev/sda coreos.inst.ignition_url=http://192.0.2.2/master.ign ip=dhcp ipv6.disable=1 ipx',
  },
  {
    name: 'live: a single node configures the live system, which writes the disk itself',
    installation: single,
    given: ['console=ttyS0'],
    expected:
      'coreos.live.rootfs_url=http://192.0.2.2/rootfs ignition.firstboot ignition.platform.id=metal ignition.config.url=http://192.0.2.2/master.ign ip=dhcp console=ttyS0',
  },
  {
    name: 'installer: the arguments of 4.5 in the order of the guide, the disk by its bare name',
    installation: installer,
    given: ['console=tty0', 'console=ttyS0'],
    expected:
      'ip=dhcp rd.neednet=1 console=tty0 console=ttyS0 coreos.inst=yes coreos.inst.install_dev=sda coreos.inst.image_url=http://192.0.2.2/metal.raw.gz coreos.inst.ignition_url=http://192.0.2.2/master.ign',
  },
  {
    name: 'installer: a static address replaces ip=dhcp',
    installation: installer,
    given: ['nameserver=192.0.2.2', 'ip=192.0.2.11::192.0.2.1:255.255.255.0:m1:em1:none'],
    expected:
      'ip=192.0.2.11::192.0.2.1:255.255.255.0:m1:em1:none nameserver=192.0.2.2 rd.neednet=1 coreos.inst=yes coreos.inst.install_dev=sda coreos.inst.image_url=http://192.0.2.2/metal.raw.gz coreos.inst.ignition_url=http://192.0.2.2/master.ign',
  },
]

for (const { name, installation, given, expected } of cases) {
  t.test(name, (t) => {
    t.equal(kernelArguments({ kernelArguments: given }, installation).join(' '), expected)
    t.end()
  })
}

t.test('installer: a disk named by a link below /dev/ keeps its path', (t) => {
  const named = { ...installer, disk: '/dev/disk/by-id/wwn-0x5002538e40d6a1b2' }
  const given = kernelArguments({ kernelArguments: [] }, named)
  const device = given.find((text) => text.startsWith('coreos.inst.install_dev'))
  t.equal(device, 'coreos.inst.install_dev=/dev/disk/by-id/wwn-0x5002538e40d6a1b2')
  t.end()
})

t.test('multipath and the partitions to keep follow the disk', (t) => {
  const disks = { multipath: true as const, savePartitions: { labels: ['data*', 'x'], indexes: ['5-'] } }
  const given = kernelArguments({ kernelArguments: [], ...disks }, live).join(' ')
  t.match(
    given,
    ' coreos.inst.ignition_url=http://192.0.2.2/master.ign coreos.inst.save_partlabel=data*,x coreos.inst.save_partindex=5- rd.multipath=default ip=dhcp',
  )
  t.notMatch(kernelArguments({ kernelArguments: [], ...disks }, single).join(' '), 'save_part')
  t.end()
})
