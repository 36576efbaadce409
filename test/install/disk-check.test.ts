import t from 'tap'
import type { DiskReport } from '../../src/install/disk-report.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import { inventory } from '../support/disk-inventories.ts'
import { installPlan, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }

const disk = (fstype: string | null): DiskReport => ({
  device: '/dev/sda',
  path: '/dev/sda',
  lsblk: JSON.stringify({ blockdevices: [{ name: '/dev/sda', type: 'disk', fstype }] }),
  blkid: `device=/dev/sda\n${fstype === null ? '' : `TYPE=${fstype}\n`}`,
})
const empty = disk(null)
const full = disk('xfs')
const holds = '/dev/sda holds a file system of type xfs'
const sentence = `${holds}: run "slipway node install ${key}" to overwrite it`

type World = ReturnType<typeof installsWorld>

async function begun({ installs }: World): Promise<string> {
  const answer = await installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  return answer.token
}

t.test('the installer starts on an empty disk', async (t) => {
  const world = installsWorld()
  const token = await begun(world)
  t.same(await world.installs.checkDisk(key, empty, token, own), {
    kind: 'proceed',
    text: 'the installer starts: /dev/sda is empty',
  })
  t.match(world.installs.list()[1], { mode: 'installing' })
})

t.test('a disk with data is kept, and the machine boots it until an administrator arms it', async (t) => {
  const world = installsWorld()
  const { installs } = world
  const token = await begun(world)
  for (let again = 0; again < 3; again++) {
    t.same(await installs.checkDisk(key, full, token, own), { kind: 'wait', text: sentence })
  }
  t.match(installs.list()[1], { mode: 'local', reason: holds, code: 'install.disk-not-empty' })
  t.same(installs.problems(), [{ code: 'install.disk-not-empty', text: `${key}: ${sentence}` }])
  t.match(
    await installs.mayRead(key, { token, address: own.address, what: 'master', isHead: false }),
    { kind: 'refused' },
    'the Ignition file for the disk is not sent',
  )
  t.match(await installs.boot(key, plain), { kind: 'local' })
  const kept = installs.history(key).filter((seen) => seen.kind === 'callback')
  t.match(kept, [{ stage: 'disk-kept', reason: sentence }], 'repeated reports are recorded once')
  t.match(timelineOf(installs.history(key)).boots.at(-1)?.steps, [{ kind: 'disk-check', outcome: 'refused' }])

  await installs.command(key, 'install')
  t.same(installs.problems(), [])
  t.match(await installs.checkDisk(key, full, token, own), { kind: 'refused' }, 'the live system restarts')
  const next = await begun(world)
  t.match(await installs.checkDisk(key, full, next, own), {
    kind: 'proceed',
    text: /an administrator started/,
  })
})

t.test('a disk that was emptied by hand is installed without a restart', async (t) => {
  const world = installsWorld()
  const token = await begun(world)
  await world.installs.checkDisk(key, full, token, own)
  t.match(await world.installs.checkDisk(key, empty, token, own), { kind: 'proceed' })
  t.match(world.installs.list()[1], { mode: 'installing', reason: 'its disk is empty now' })
  t.match(await world.installs.mayRead(key, { token, address: own.address, what: 'master', isHead: false }), {
    kind: 'allowed',
  })
})

t.test('a half-written disk of the same installation is overwritten', async (t) => {
  const world = installsWorld()
  const first = await begun(world)
  await world.installs.checkDisk(key, empty, first, own)
  const second = await begun(world)
  t.match(await world.installs.checkDisk(key, full, second, own), {
    kind: 'proceed',
    text: /already written/,
  })
})

t.test('a report that cannot be read lets the installer wait, and changes nothing', async (t) => {
  const world = installsWorld()
  const token = await begun(world)
  const before = world.installs.list()[1]
  const { kind } = await world.installs.checkDisk(key, { ...full, lsblk: '' }, token, own)
  t.equal(kind, 'wait')
  t.match(world.installs.list()[1], { mode: 'installing', since: before!.since })
})

t.test('wipe: always overwrites any disk; a node overrides its cluster', async (t) => {
  const plan = installPlan((site) => {
    Object.assign(site.clusters[0]!, { wipe: 'always' })
    site.clusters[0]!.nodes[2]!['wipe'] = 'ask'
  })
  const { installs } = installsWorld({ plan: () => plan })
  const answer = await installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(answer.kind)
  t.match(await installs.checkDisk(key, full, answer.token, own), { kind: 'proceed', text: /wipe: always/ })
  t.equal(plan.get('ocp45/w1')!.wipe, 'ask')
})

t.test('after a total loss of the state, no disk that holds data is overwritten', async (t) => {
  // Nothing shows that there was a state: every machine looks new, and its network boot leads to the live system.
  const world = installsWorld({ store: openMemoryStore() })
  const token = await begun(world)
  t.match(await world.installs.checkDisk(key, full, token, own), { kind: 'wait' })
  t.match(await world.installs.boot(key, plain), { kind: 'local' }, 'the next boot leads to the disk')
})

t.test('another machine, a wrong token, and an unknown node get no answer', async (t) => {
  const world = installsWorld()
  const token = await begun(world)
  for (const result of [
    await world.installs.checkDisk(key, empty, 'wrong', own),
    await world.installs.checkDisk(key, empty, token, { address: '192.0.2.99', client: '192.0.2.99:1' }),
    await world.installs.checkDisk('ocp45/none', empty, token, own),
  ]) {
    t.match(result, { kind: 'refused' })
  }
  t.match(world.installs.list()[1], { mode: 'installing' })
})

t.test('a disk that is not there is in the status until the machine has one', async (t) => {
  const world = installsWorld()
  const { installs } = world
  const token = await begun(world)
  const missing = { ...empty, path: '', lsblk: '', blkid: '' }
  const problem = '/dev/sda does not exist on this machine'
  for (let again = 0; again < 2; again++) {
    t.same(await installs.checkDisk(key, missing, token, own), {
      kind: 'wait',
      text: `the installer does not start: ${problem}`,
    })
  }
  t.same(installs.problems(), [{ code: 'install.disk-not-selected', text: `${key}: ${problem}` }])
  t.equal(world.lines.filter(({ msg }) => msg === 'disk not selected').length, 1, 'logged once')
  t.match(await installs.checkDisk(key, empty, token, own), { kind: 'proceed' })
  t.same(installs.problems(), [])
})

t.test('hints: the answer names the disk', async (t) => {
  const plan = installPlan((site) => Object.assign(site.clusters[0]!, { disk: { serialNumber: 'S2' } }))
  const world = installsWorld({ plan: () => plan })
  const token = await begun(world)
  const report = { ...empty, device: '/dev/slipway-disk', path: '', inventory }
  t.match(await world.installs.checkDisk(key, report, token, own), { kind: 'use', device: '/dev/sdb' })
})

t.test('an installation that starts again may overwrite its own disk, and no other with data', async (t) => {
  let disk: unknown = { rotational: true }
  const plan = () => installPlan((site) => Object.assign(site.clusters[0]!, { disk }))
  const world = installsWorld({ plan })
  const { installs } = world
  /** Reports the disk behind the link on a machine with these disks. */
  const check = async (path: string, fstype: string | null, shown = inventory) => {
    const lsblk = JSON.stringify({ blockdevices: [{ name: path, type: 'disk', fstype }] })
    const report = { device: '/dev/slipway-disk', path, lsblk, blkid: `device=${path}\n`, inventory: shown }
    const answer = await installs.checkDisk(key, report, await begun(world), own)
    return `${answer.kind}: ${'text' in answer ? answer.text : answer.reason}`
  }
  const renamed = { ...inventory, lsblk: inventory.lsblk.replaceAll('/dev/sdb', '/dev/sdx') }
  const other = (text: string) => text.replaceAll('S2', 'S9').replaceAll('155bbb02', '155bbb09')
  const replaced = { lsblk: other(inventory.lsblk), udev: other(inventory.udev) }
  const started = ['site', 'administrator'] as const
  for (const by of started) {
    if (by === 'administrator') await installs.command(key, 'install')
    t.match(await check('/dev/sdb', null), /^proceed/)
    t.match(await check('/dev/sdx', 'xfs', renamed), /^proceed: .*(?:already written|administrator)/)
    t.match(await check('/dev/sdb', 'xfs', replaced), /^wait: .*\/dev\/sdb\)? holds/)
    t.match(installs.list()[1], { mode: 'local', code: 'install.disk-not-empty' })
  }

  await installs.command(key, 'install')
  t.match(await check('/dev/sdb', 'xfs', replaced), /^proceed: .* an administrator/)
  disk = '/dev/sdc'
  installs.declare()
  const sdc = { ...full, device: '/dev/sdc', path: '/dev/sdc' }
  t.match(await installs.checkDisk(key, sdc, await begun(world), own), { kind: 'wait' })
})
