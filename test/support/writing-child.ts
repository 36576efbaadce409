/** A process that keeps observations and states as fast as it can, and says of each when it is kept; made to be killed. */
import { writeSync } from 'node:fs'
import { openStore } from '../../src/install/store.ts'

const store = openStore(process.argv[2]!, Date.now())
const node = 'ocp45/m1'
const state = {
  mac: '00:00:5e:00:53:11',
  declared: 'install',
  mode: 'install',
  reason: '',
  wasInstalled: false,
} as const
for (let sequence = store.lastSequence + 1; ; sequence++) {
  const seen = { node, kind: 'command', command: 'install', sequence, at: sequence } as const
  store.keep(new Map([[node, { ...state, since: sequence }]]), [seen])
  writeSync(1, `${sequence}\n`)
}
