/** Files that TFTP creates for one node: their transfer, their log lines, and what the timeline learns of them. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Seen } from '../../../src/install/observation.ts'
import type { NodeFile } from '../../../src/install/boot/tftp-files.ts'
import { listenForFile } from '../../support/tftp-client.ts'
import { ask, serve } from '../../support/tftp-service.ts'
import { until } from '../../support/until.ts'

async function world(t: Test, find: (dir: string) => NodeFile | undefined) {
  const seen: Seen[] = []
  const nodeFiles = { find: () => Promise.resolve(find(served.folder)) }
  const served: Awaited<ReturnType<typeof serve>> = await serve(t, {}, undefined, 1500, {
    nodeFiles,
    observe: (each) => void seen.push(each),
  })
  return { ...served, seen }
}

t.test('a script is sent as text, and observed where it is created', async (t) => {
  const { bind, lines, seen } = await world(t, () => ({ kind: 'text', text: 'exit 1\n' }))
  const port = await bind()
  const heard = listenForFile(port)
  ask(port, 'boot/ocp45/m1/boot.grub')
  await until(() => heard.isComplete())
  t.equal(Buffer.from(heard.received).toString(), 'exit 1\n')
  await until(() => lines.length > 0)
  t.match(lines, [{ msg: 'file sent', node: 'ocp45/m1', file: 'boot/ocp45/m1/boot.grub' }])
  t.same(seen, [])
})

t.test('a file of an image is a download of the node', async (t) => {
  const { bind, seen, lines } = await world(t, (dir) => ({
    kind: 'image',
    path: join(dir, 'loader'),
    dir,
    what: 'kernel',
    name: 'kernel',
  }))
  const port = await bind()
  const heard = listenForFile(port)
  ask(port, 'images/rhcos/kernel')
  await until(() => heard.isComplete())
  await until(() => lines.length > 0)
  const file = { kind: 'file', node: 'ocp45/m1', what: 'kernel', file: 'kernel', total: 3000 }
  t.match(seen, [
    { ...file, outcome: 'begun', octets: 0 },
    { ...file, outcome: 'sent', octets: 3000 },
  ])
  const other = await bind(2000, '192.0.2.99')
  const copy = listenForFile(other)
  ask(other, 'images/rhcos/kernel')
  await until(() => copy.isComplete())
  t.equal(seen.length, 2, 'an undeclared client is not observed')
})

t.test('a client that is not the node is refused, and the log has the reason', async (t) => {
  const { bind, lines, counters } = await world(t, () => ({ kind: 'refused', reason: 'another machine' }))
  const port = await bind()
  const heard = listenForFile(port)
  ask(port, 'boot/ocp45/m1/boot.grub')
  await until(() => lines.length > 0)
  t.equal(heard.isComplete(), false)
  t.match(lines, [
    { level: 'warn', msg: 'request refused', code: 'tftp.not-the-node', reason: 'another machine' },
  ])
  t.equal(counters.get('tftp.refused'), 1)
})

t.test('files that a loader can boot without cause neither an error nor an observation', async (t) => {
  const { bind, lines, seen } = await world(t, () => undefined)
  const port = await bind()
  ask(port, 'grub/x86_64-efi/http.mod')
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'debug', msg: 'file not found' }])
  t.same(seen, [])
  ask(port, 'image-rhcos/mmx64.efi')
  await until(() => lines.length > 1)
  t.match(seen, [{ kind: 'loader', outcome: 'missing', file: 'image-rhcos/mmx64.efi' }])
})
