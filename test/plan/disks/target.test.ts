import t from 'tap'
import {
  devicePath,
  diskText,
  installDevice,
  nodeDisks,
  savedText,
  shownDisk,
  wantedDisk,
  type DiskTarget,
} from '../../../src/plan/disks/target.ts'

const targets = {
  path: { kind: 'path', path: '/dev/sda' },
  hints: { kind: 'hints', hints: { wwn: '0x5', rotational: false } },
  mirror: { kind: 'mirror', paths: ['/dev/sda', '/dev/sdb', '/dev/sdc'] },
} satisfies Record<string, DiskTarget>

t.test('the device of the installer and the text of each way to select disks', (t) => {
  t.same(Object.values(targets).map(installDevice), ['/dev/sda', '/dev/slipway-disk', '/dev/sda'])
  t.same(Object.values(targets).map(devicePath), ['/dev/sda', undefined, '/dev/sda'])
  t.same(Object.values(targets).map(diskText), [
    '/dev/sda',
    'the disk with wwn 0x5, rotational false',
    '/dev/sda, /dev/sdb and /dev/sdc (RAID 1)',
  ])
  t.equal(shownDisk({}), undefined)
  t.equal(shownDisk({ disk: targets.path }), '/dev/sda')
  t.equal(savedText({}), undefined)
  t.equal(savedText({ savePartitions: { labels: ['data*'], indexes: ['5-'] } }), 'data*, 5-')
  t.end()
})

t.test('the disks of a node override those of its cluster, whatever their form', (t) => {
  const savePartitions = { labels: ['data*'] }
  t.same(nodeDisks({}, {}), {})
  t.same(nodeDisks({ disk: '/dev/sda' }, {}), { disk: targets.path })
  t.same(nodeDisks({ mirror: targets.mirror.paths, savePartitions }, { disk: '/dev/sda' }), {
    disk: targets.path,
    savePartitions,
  })
  t.same(
    nodeDisks({ disk: '/dev/sda', multipath: true }, { mirror: targets.mirror.paths, multipath: false }),
    {
      disk: targets.mirror,
    },
  )
  t.same(nodeDisks({ multipath: true }, { disk: targets.hints.hints }), {
    disk: targets.hints,
    multipath: true,
  })
  t.end()
})

t.test('the disk check compares with anything but one plain path', (t) => {
  t.equal(wantedDisk({}), undefined)
  t.equal(wantedDisk({ disk: targets.path }), undefined)
  t.same(wantedDisk({ disk: targets.path, multipath: true }), { target: targets.path, multipath: true })
  t.same(wantedDisk({ disk: targets.mirror }), { target: targets.mirror })
  t.end()
})
