import t from 'tap'
import { observedNode } from '../../support/observed-node.ts'
import { lifeUntil, minute, second, testSymptoms } from '../../support/symptom-cases.ts'

/** A download of which nothing more is sent, over an open connection. */
function reportsWithoutProgress(ms: number) {
  let life = lifeUntil.initramfs().asks('system')
  for (let passed = 0; passed <= ms; passed += second) {
    life = life.file('rootfs', 'under-way', 450 * 1024 ** 2, 4000 + passed).pass(second)
  }
  return life
}

testSymptoms(t, [
  {
    name: 'cannot-install',
    sick: observedNode().pxe().script('failed', { reason: 'images/rootfs.img does not exist' }),
    sound: observedNode()
      .pxe()
      .script('failed', { reason: 'images/rootfs.img does not exist' })
      .script('install'),
    saw: 'its network boot ended with: images/rootfs.img does not exist',
    advice: /reload slipway/,
  },
  {
    name: 'cannot-install',
    sick: observedNode().pxe().script('failed'),
    sound: observedNode().pxe().script('local'),
    saw: 'its network boot ended with: it cannot be installed',
    advice: /slipway check/,
  },
  {
    name: 'kernel-not-asked',
    sick: lifeUntil.script().pass(61 * second),
    sound: lifeUntil.script().pass(59 * second),
    saw: 'received its script once and never requested the kernel',
    advice: /last lines on its console/,
  },
  {
    name: 'download-stalled',
    // The connection is open: slipway reports once a second that nothing was sent.
    sick: reportsWithoutProgress(2 * minute),
    sound: reportsWithoutProgress(30 * second),
    saw: 'the download of rhcos-live-rootfs.x86_64.img has stopped at 43 % for 2 min',
    advice: /switch port/,
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
    saw: 'the download of rhcos-live-rootfs.x86_64.img has stopped at 43 % for 2 min',
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
    saw: 'the download of rhcos-live-kernel-x86_64 was interrupted at 50 %, twice',
    advice: /2 GiB/,
  },
  {
    name: 'initramfs-not-asked',
    sick: lifeUntil
      .script()
      .fetches('kernel')
      .pass(61 * second),
    sound: lifeUntil.script().fetches('kernel').pass(1000).file('initramfs', 'begun', 0, 0).pass(10_000),
    saw: 'fetched the kernel once and never requested the initramfs',
    advice: /architecture/,
  },
  {
    name: 'no-live-dhcp',
    sick: lifeUntil.initramfs().pass(6 * minute),
    sound: lifeUntil.initramfs().pass(4 * minute),
    saw: 'fetched kernel and initramfs once, and no system has requested an address since',
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
    saw: 'fetched kernel and initramfs twice, and no system has requested an address since',
    advice: /memory/,
  },
  {
    name: 'live-silent',
    sick: lifeUntil.initramfs().pass(6 * minute),
    sound: lifeUntil.initramfs().pass(20_000).fetches('rootfs'),
    usesDhcp: false,
    saw: 'fetched kernel and initramfs once and has sent no request since',
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
    saw: 'its live system requested an address 3 times and accepted no offer',
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
    saw: 'its live system accepted its address and never requested the rootfs',
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
    saw: 'the download of the rootfs was interrupted at 87 %',
    advice: /more memory/,
  },
  {
    name: 'rootfs-again',
    sick: lifeUntil.rootfs().fetches('rootfs').fetches('rootfs'),
    sound: lifeUntil.rootfs(),
    saw: 'fetched the rootfs 3 times and did not continue',
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
    saw: 'fetched the rootfs twice and did not continue',
    advice: /memory/,
  },
  {
    name: 'metal-broken',
    sick: lifeUntil
      .initramfs()
      .see({
        kind: 'file',
        what: 'metal',
        file: 'metal.raw.gz',
        outcome: 'aborted',
        octets: 4096,
        total: 0,
        durationMs: 10,
      })
      .pass(11 * second),
    sound: lifeUntil.initramfs().fetches('metal'),
    saw: 'the download of the metal image was interrupted at 4096 bytes',
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
    saw: 'its live system runs and never requested its Ignition file',
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
    saw: 'its live system runs and never requested its Ignition file',
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
    saw: 'its Ignition file was refused once: it must not read it now',
    advice:
      /^compare its address with the site file, and boot it from the network again; run `slipway node install \S+` before that only if/,
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
    saw: 'the download of its Ignition file (worker) was interrupted',
    advice: /console/,
  },
])
