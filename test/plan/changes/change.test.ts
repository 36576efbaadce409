import t from 'tap'
import {
  compareThings,
  differences,
  field,
  hiddenField,
  thingsOf,
  withoutSecret,
} from '../../../src/plan/changes/change.ts'
import { runSteps } from '../../../src/plan/steps.ts'

t.test('values that can be secrets are not printed', (t) => {
  const cases: readonly [argument: string, shown: string][] = [
    ['console=ttyS0,115200', 'console=ttyS0,115200'],
    ['rd.iscsi.password=a=b', 'rd.iscsi.password=…'],
    ['inst.rootpw=x', 'inst.rootpw=…'],
    ['rd.luks.key=/k', 'rd.luks.key=…'],
    ['vconsole.keymap=de', 'vconsole.keymap=de'],
    ['secret', 'secret'],
    ['coreos.inst.ignition_url=http://u:p@192.0.2.1/x', 'coreos.inst.ignition_url=http://…@192.0.2.1/x'],
  ]
  for (const [argument, shown] of cases) t.equal(withoutSecret(argument), shown)
  t.end()
})

t.test('fields in the order of the new thing, then those that it lacks', (t) => {
  t.same(
    differences(
      [field('a', 1), field('b', 2), hiddenField('c', 'x'), field('gone', 3), field('none', undefined)],
      [field('new', 4), field('b', 5), field('a', 1), hiddenField('c', undefined)],
    ),
    [
      { label: 'new', after: '4' },
      { label: 'b', before: '2', after: '5' },
      { label: 'c', isHidden: true },
      { label: 'gone', before: '3' },
    ],
  )
  t.end()
})

t.test('many things are compared in steps', (t) => {
  const things = (count: number) =>
    thingsOf(
      Array.from({ length: count }, (_, index) => `n${index}`),
      (name) => name,
      () => [field('x', 1)],
    )
  const steps = compareThings('node', things(0), things(500))
  t.equal(steps.next().done, false)
  t.equal(steps.next().done, false)
  t.equal(steps.next().done, true)
  t.equal(runSteps(compareThings('node', things(500), things(500))).length, 0)
  t.end()
})
