/** Accepts and rejects what ignition-validate 2.14 accepts and rejects; the end-to-end test `real:` runs it on the same table. */
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { maxFaults, structureFaults } from '../../../src/scan/ignition/structure.ts'

type Case = { readonly name: string; readonly isAccepted: boolean; readonly config: object }
const table = new URL('../../fixtures/ignition/structures.json', import.meta.url)
const cases = JSON.parse(readFileSync(table, 'utf8')) as readonly Case[]

for (const { name, isAccepted, config } of cases) {
  t.test(`${isAccepted ? 'accepts' : 'rejects'} ${name}`, (t) => {
    const faults = structureFaults(config)
    t.equal(faults.length === 0, isAccepted, faults.join('\n'))
    t.end()
  })
}

t.test('names the part, what it is, and what Ignition expects', (t) => {
  const files = [{ path: '/etc/a', mode: '0644' }, { path: 'etc/b' }]
  t.same(structureFaults({ storage: { files }, systemd: { units: {} } }), [
    'storage.files.0.mode: got "0644", expected a mode as a decimal number from 0 to 4095 (420 is 0644)',
    'storage.files.1.path: got "etc/b", expected an absolute path in its shortest form',
    'systemd.units: got an object, expected a list',
  ])
  t.end()
})

t.test('reports the first faults of many, without control characters', (t) => {
  const files = Array.from({ length: 1000 }, () => ({ path: '\u001b[2J' }))
  const faults = structureFaults({ storage: { files } })
  t.equal(faults.length, maxFaults)
  t.notOk(faults.join('').includes('\u001b'))
  t.end()
})

t.test('never throws, whatever the JSON contains', (t) => {
  const keys = [
    'ignition',
    'storage',
    'files',
    'links',
    'path',
    'contents',
    'source',
    'units',
    'disks',
    'partitions',
    'number',
  ]
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('object'),
    ),
    object: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 5 }),
  }))
  fc.assert(fc.property(json.object, (config) => structureFaults(config).length <= maxFaults))
  t.end()
})
