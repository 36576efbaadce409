/** A process that installs one node after the other on a real state directory, and prints each step, until it is killed. */
import { writeSync } from 'node:fs'
import { openStore } from '../../src/install/open-store.ts'
import { installsWorld } from './installs.ts'

const store = openStore(process.argv[2] as string, { now: Date.now(), site: 'lab' })
const { installs } = installsWorld({ store })
const print = (line: string): void => void writeSync(1, `${line}\n`)

const [node, address] = ['ocp45/m1', '192.0.2.11']
for (;;) {
  await installs.command(node, 'install')
  print('armed')
  const answer = await installs.boot(node, { isSkipping: false })
  if (answer.kind !== 'install') throw new Error(answer.kind)
  // From here on the node has the script: the start must be on the disk.
  print('script')
  await installs.mayRead(node, { token: answer.token, address, what: 'master', isHead: false })
  print('ignition')
  await installs.callback(node, 'written', answer.token, { address, client: `${address}:40000` })
  print('written')
}
