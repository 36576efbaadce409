/** The network and the disks of machines in groups, which Fedora CoreOS and the installer of RHEL read like RHCOS. */
import t from 'tap'
import { kernelArguments } from '../../../src/plan/boot/arguments.ts'
import { additionsOf } from '../../../src/plan/boot/installation.ts'
import { systemArguments } from '../../../src/plan/systems/answers.ts'
import { systemModel, systemNode } from '../../support/systems.ts'

const network = {
  interfaces: [
    {
      name: 'bond0',
      type: 'bond',
      state: 'up',
      ipv4: { enabled: true, address: [{ ip: '192.0.2.41', 'prefix-length': 24 }] },
      'link-aggregation': { mode: 'active-backup', port: ['ens3', 'ens4'] },
    },
  ],
}

t.test(
  'Fedora CoreOS gets the network as arguments and as keyfiles, and a mirror in its Ignition file',
  (t) => {
    const group = { answers: '/srv/edge.ign', network, disk: undefined, mirror: ['/dev/sda', '/dev/sdb'] }
    const model = systemModel({ os: 'fcos', group })
    const node = systemNode(model)
    const shown = kernelArguments(node, {
      style: 'live',
      rootfs: { url: 'http://192.0.2.2/rootfs' },
      ignition: 'fcos',
      ignitionUrl: 'http://192.0.2.2/fcos.ign',
      disk: '/dev/sda',
    } as Parameters<typeof kernelArguments>[1])
    t.match(shown.join(' '), / bond=bond0:ens3,ens4:mode=active-backup/)
    t.match(shown.join(' '), / ip=192\.0\.2\.41::\S+:bond0:none/)
    t.notMatch(shown.join(' '), / ip=dhcp/)
    const { additions, missing } = additionsOf(node, model)
    t.same(missing, [])
    t.same(
      additions?.files.map(({ path }) => path),
      [
        '/etc/hostname',
        '/etc/NetworkManager/system-connections/bond0.nmconnection',
        '/etc/NetworkManager/system-connections/ens3.nmconnection',
        '/etc/NetworkManager/system-connections/ens4.nmconnection',
      ],
    )
    t.match(additions?.storage, { raid: [{ level: 'raid1' }, { level: 'raid1' }] })
    t.end()
  },
)

t.test('Fedora CoreOS activates multipath, keeps partitions, and selects the disk by hints', (t) => {
  const group = { answers: '/srv/edge.ign', multipath: true, savePartitions: { labels: ['data*'] } }
  const node = systemNode(systemModel({ os: 'fcos', group }))
  t.match(node, { multipath: true, savePartitions: { labels: ['data*'] } })
  const hints = { rotational: false }
  t.same(systemNode(systemModel({ os: 'fcos', group: { disk: hints } })).disk, { kind: 'hints', hints })
  t.end()
})

t.test('the installer of RHEL gets the network as arguments, in place of DHCP', (t) => {
  const group = { answers: '/srv/kickstart.cfg', network: { ...network, use: 'arguments' } }
  const model = systemModel({ os: 'rhel', group })
  const shown = systemArguments(model, systemNode(model)).join(' ')
  t.match(shown, /^inst\.ks=\S+ /)
  t.match(shown, / bond=bond0:ens3,ens4:mode=active-backup/)
  t.match(shown, / ip=192\.0\.2\.41::\S+:bond0:none/)
  t.notMatch(shown, / ip=dhcp/)
  t.end()
})
