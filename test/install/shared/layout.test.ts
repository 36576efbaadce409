/** Values of the shared store that a newer slipway wrote, or that are damaged. */
import t from 'tap'
import { initialState } from '../../../src/install/machine-state.ts'
import { parsePage, parsePresence, parseRecord, recordText } from '../../../src/install/shared/layout.ts'
import { installPlan } from '../../support/installs.ts'

const state = initialState(installPlan().get('ocp45/m1')!)

t.test('a published record has neither its revision nor its local mark', (t) => {
  const text = recordText({ ...state, revision: 7, isUnshared: true }, 'w', '192.0.2.5')
  t.same(parseRecord(text), { write: 'w', by: '192.0.2.5', state })
  t.end()
})

t.test('a record with an unknown state keeps the disk', (t) => {
  const text = recordText(state, 'w', '192.0.2.5').replace('"mode":"install"', '"mode":"rescuing"')
  t.match(parseRecord(text), {
    write: 'w',
    state: {
      mode: 'local',
      code: 'state.unknown-mode',
      reason: 'its record has the unknown state "rescuing", perhaps written by a newer slipway',
    },
  })
  t.end()
})

t.test('a damaged value is not read', (t) => {
  const text = recordText(state, 'w', '192.0.2.5')
  for (const parse of [parseRecord, parsePresence, parsePage]) {
    t.equal(parse(text.slice(0, -1)), undefined)
    t.equal(parse(''), undefined)
  }
  t.equal(parseRecord('{"write":"w","by":"x"}'), undefined, 'without a state')
  t.equal(parseRecord('{"write":"w","by":"x","state":{}}'), undefined, 'without a machine')
  t.end()
})
