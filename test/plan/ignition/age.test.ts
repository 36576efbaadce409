import t from 'tap'
import { checkIgnitionAge } from '../../../src/plan/ignition/age.ts'
import { madeAt, usableUntil } from '../../support/ignition.ts'

const hour = 3_600_000
const path = '/srv/ocp45/bootstrap.ign'
const remedy =
  'copy install-config.yaml into a new directory, run `openshift-install create ignition-configs --dir=…` with that directory, and copy the *.ign files to /srv/ocp45'

const cases = [
  { after: -hour, kind: 'fresh', said: 'was created 0 min ago and is valid until 2026-11-22 06:00 UTC' },
  { after: 0, kind: 'fresh', said: 'was created 0 min ago and is valid until 2026-11-22 06:00 UTC' },
  {
    after: 11.99 * hour,
    kind: 'fresh',
    said: 'was created 11 h ago and is valid until 2026-11-22 06:00 UTC',
  },
  {
    after: 12 * hour,
    kind: 'ageing',
    said: `was created 12 h ago and expires at 2026-11-22 06:00 UTC, in 12 h: start the installation soon, or ${remedy}`,
  },
  {
    after: 23.5 * hour,
    kind: 'ageing',
    said: `was created 23 h ago and expires at 2026-11-22 06:00 UTC, in 30 min: start the installation soon, or ${remedy}`,
  },
  {
    after: 24 * hour,
    kind: 'expired',
    said: `was created 24 h ago and expired at 2026-11-22 06:00 UTC: ${remedy}`,
  },
  {
    after: 240 * hour,
    kind: 'expired',
    said: `was created 10 days ago and expired at 2026-11-22 06:00 UTC: ${remedy}`,
  },
]

for (const { after, kind, said } of cases) {
  t.test(`a file ${after / hour} hours after it was made is ${kind}`, (t) => {
    const sentence = `${path} ${said}`
    t.same(checkIgnitionAge({ path, madeAt, usableUntil }, madeAt + after), { kind, sentence })
    t.end()
  })
}

t.test('manifests that lay about make a young file old', (t) => {
  const file = { path, madeAt, usableUntil: madeAt + 4 * hour }
  t.equal(checkIgnitionAge(file, madeAt).kind, 'ageing')
  t.equal(checkIgnitionAge(file, madeAt + 4 * hour).kind, 'expired')
  t.end()
})

t.test('a day is the most, whatever certificates say', (t) => {
  const file = { path, madeAt, usableUntil: madeAt + 48 * hour }
  t.equal(checkIgnitionAge(file, madeAt + 11 * hour).kind, 'fresh')
  t.equal(checkIgnitionAge(file, madeAt + 24 * hour).kind, 'expired')
  t.end()
})

t.test('a pointer does not age', (t) => {
  t.same(checkIgnitionAge({ path }, madeAt), {
    kind: 'fresh',
    sentence: `${path} has no short-lived certificate, so it does not expire`,
  })
  t.end()
})
