/** A process that writes records without pause until it is killed, and prints the number of each written record. */
import { writeSync } from 'node:fs'
import { openStore } from '../../src/install/open-store.ts'

const store = openStore(process.argv[2]!, { now: Date.now() })
const node = 'ocp45/m1'
const state = {
  mac: '00:00:5e:00:53:11',
  node,
  declared: 'install',
  mode: 'install',
  reason: '',
  wasInstalled: false,
} as const
for (let sequence = store.lastSequence + 1; ; sequence++) {
  const seen = { node, kind: 'command', command: 'install', sequence, at: sequence } as const
  store.keep(new Map([[state.mac, { ...state, since: sequence }]]), [
    { machine: state.mac, observation: seen },
  ])
  writeSync(1, `${sequence}\n`)
}
