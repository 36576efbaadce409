import t from 'tap'
import { nodeLife } from '../../support/node-life.ts'
import { lifeUntil, minute, second, testSymptoms } from '../../support/symptom-cases.ts'

testSymptoms(t, [
  {
    name: 'cannot-install',
    sick: nodeLife().pxe().script('failed', { reason: 'images/rootfs.img is not there' }),
    sound: nodeLife().pxe().script('failed', { reason: 'images/rootfs.img is not there' }).script('install'),
    saw: 'its network boot ended with: images/rootfs.img is not there',
    advice: /reload slipway/,
  },
  {
    name: 'cannot-install',
    sick: nodeLife().pxe().script('failed'),
    sound: nodeLife().pxe().script('local'),
    saw: 'its network boot ended with: it cannot be installed',
    advice: /slipway check/,
  },
  {
    name: 'kernel-not-asked',
    sick: lifeUntil.script().pass(61 * second),
    sound: lifeUntil.script().pass(59 * second),
    saw: 'was given its script once and never asked for the kernel',
    advice: /last lines on its console/,
  },
  {
    name: 'download-stalled',
    sick: lifeUntil
      .initramfs()
      .asks('system')
      .file('rootfs', 'under-way', 450 * 1024 ** 2, 4000)
      .pass(2 * minute),
    sound: lifeUntil
      .initramfs()
      .asks('system')
      .file('rootfs', 'under-way', 450 * 1024 ** 2, 4000)
      .pass(30 * second),
    saw: 'rhcos-live-rootfs.x86_64.img stands still at 43 % for 2 min',
    advice: /switch port/,
  },
  {
    name: 'kernel-broken',
    sick: lifeUntil
      .script()
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900)
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900),
    sound: lifeUntil
      .script()
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900)
      .pass(2000),
    saw: 'the download of rhcos-live-kernel-x86_64 broke off at 50 %, twice',
    advice: /2 GiB/,
  },
  {
    name: 'initramfs-not-asked',
    sick: lifeUntil
      .script()
      .fetches('kernel')
      .pass(61 * second),
    sound: lifeUntil.script().fetches('kernel').pass(1000).file('initramfs', 'begun', 0, 0).pass(10_000),
    saw: 'fetched the kernel once and never asked for the initramfs',
    advice: /architecture/,
  },
  {
    name: 'no-live-dhcp',
    sick: lifeUntil.initramfs().pass(6 * minute),
    sound: lifeUntil.initramfs().pass(4 * minute),
    saw: 'fetched kernel and initramfs once, and no system asked DHCP after',
    advice: /`console`/,
  },
  {
    name: 'no-live-dhcp',
    sick: lifeUntil
      .initramfs()
      .pass(40 * second)
      .pxe()
      .script('install')
      .fetches('kernel')
      .fetches('initramfs')
      .pass(80 * second),
    sound: lifeUntil.initramfs().pass(80 * second),
    saw: 'fetched kernel and initramfs twice, and no system asked DHCP after',
    advice: /memory/,
  },
  {
    name: 'live-silent',
    sick: lifeUntil.initramfs().pass(6 * minute),
    sound: lifeUntil.initramfs().pass(20_000).fetches('rootfs'),
    usesDhcp: false,
    saw: 'fetched kernel and initramfs once, and nothing was heard of it since',
    advice: /`ip=`/,
  },
  {
    name: 'live-offer-not-taken',
    sick: lifeUntil
      .initramfs()
      .discover('system')
      .pass(3000)
      .discover('system')
      .pass(3000)
      .discover('system'),
    sound: lifeUntil.initramfs().asks('system'),
    saw: 'its live system asked DHCP 3 times and took no offer',
    advice: /`ip=CARD:dhcp`/,
  },
  {
    name: 'rootfs-not-asked',
    sick: lifeUntil
      .initramfs()
      .asks('system')
      .pass(6 * minute),
    sound: lifeUntil
      .initramfs()
      .asks('system')
      .pass(4 * minute),
    saw: 'its live system took its address and never asked for the rootfs',
    advice: /`gateway`/,
  },
  {
    name: 'rootfs-broken',
    sick: lifeUntil
      .initramfs()
      .asks('system')
      .file('rootfs', 'aborted', 900 * 1024 ** 2, 9000)
      .pass(11 * second),
    sound: lifeUntil
      .initramfs()
      .asks('system')
      .file('rootfs', 'aborted', 900 * 1024 ** 2, 9000)
      .fetches('rootfs'),
    saw: 'the download of the rootfs broke off at 87 %',
    advice: /more memory/,
  },
  {
    name: 'rootfs-again',
    sick: lifeUntil.rootfs().fetches('rootfs').fetches('rootfs'),
    sound: lifeUntil.rootfs(),
    saw: 'fetched the rootfs 3 times without going on',
    advice: /one release/,
  },
  {
    name: 'rootfs-again',
    sick: lifeUntil
      .rootfs()
      .pass(minute)
      .pxe()
      .script('install')
      .fetches('initramfs')
      .asks('system')
      .fetches('rootfs')
      .pass(3 * minute),
    sound: lifeUntil.rootfs().pass(3 * minute),
    saw: 'fetched the rootfs twice without going on',
    advice: /memory/,
  },
  {
    name: 'metal-broken',
    sick: lifeUntil
      .initramfs()
      .see({
        ...{ kind: 'file', what: 'metal', file: 'metal.raw.gz', outcome: 'aborted' },
        ...{ octets: 4096, total: 0, durationMs: 10 },
      })
      .pass(11 * second),
    sound: lifeUntil.initramfs().fetches('metal'),
    saw: 'the download of the metal image broke off at 4096 octets',
    advice: /`disk`/,
  },
  {
    name: 'ignition-not-asked',
    sick: lifeUntil
      .rootfs()
      .pass(5000)
      .asks('system')
      .pass(11 * minute),
    sound: lifeUntil
      .rootfs()
      .pass(5000)
      .asks('system')
      .ignition()
      .pass(11 * minute),
    saw: 'its live system runs and never asked for its Ignition file',
    advice: /`lsblk`/,
  },
  {
    name: 'ignition-not-asked',
    sick: lifeUntil
      .initramfs()
      .asks('system')
      .fetches('metal')
      .pass(11 * minute),
    sound: lifeUntil
      .initramfs()
      .asks('system')
      .fetches('metal')
      .pass(9 * minute),
    saw: 'its live system runs and never asked for its Ignition file',
    advice: /`disk`/,
  },
  {
    name: 'ignition-refused',
    sick: lifeUntil.rootfs().ignition('refused', { reason: 'the token was used already' }),
    sound: lifeUntil.rootfs().ignition('refused', { reason: 'the token was used already' }).ignition(),
    saw: 'its Ignition file was refused once: the token was used already',
    advice: /`slipway node install ocp45\/w1`/,
  },
  {
    name: 'ignition-refused',
    sick: lifeUntil.rootfs().ignition('refused'),
    sound: lifeUntil.rootfs().ignition(),
    saw: 'its Ignition file was refused once: it may not read it now',
    advice: /static addressing/,
  },
  {
    name: 'ignition-broken',
    sick: lifeUntil
      .rootfs()
      .ignition('aborted')
      .pass(11 * second),
    sound: lifeUntil
      .rootfs()
      .ignition('aborted')
      .pass(5 * second)
      .ignition(),
    saw: 'the download of its Ignition file (worker) broke off',
    advice: /console/,
  },
])
