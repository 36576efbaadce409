import t from 'tap'
import { compile } from '../../src/plan/compile.ts'
import { needsRestart } from '../../src/plan/changes/compare.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

/** Sections that the example does not have. */
const withSyslog = (syslog?: object): object => (syslog === undefined ? {} : { syslog })

t.test('the receiver knows each address of each node', (t) => {
  const site = exampleSite()
  t.equal(compile(exampleModel(site)).syslog, undefined)
  t.same(compile(exampleModel({ ...site, ...withSyslog({}) })).syslog, {
    address: '192.0.2.2',
    port: 514,
    senders: new Map([
      ['192.0.2.10', 'ocp45/bs'],
      ['192.0.2.11', 'ocp45/m1'],
      ['2001:db8::11', 'ocp45/m1'],
      ['192.0.2.21', 'ocp45/w1'],
      ['192.0.2.31', 'ocp45/i1'],
    ]),
  })
  t.end()
})

t.test(
  'adding the section or changing its port needs a restart; the journal of live systems does not',
  (t) => {
    const compiled = (syslog?: object) => {
      const model = exampleModel({ ...exampleSite(), ...withSyslog(syslog) })
      return { model, plan: compile(model) }
    }
    const [none, first] = [compiled(), compiled({})]
    const texts = (before: typeof none, after: typeof none) =>
      needsRestart(before, after).map(({ text }) => text)
    t.match(texts(none, first), [/^syslog was added or removed/])
    t.match(texts(first, compiled({ port: 1514 })), [/^syslog/])
    t.same(texts(first, compiled({ live: false })), [])
    t.end()
  },
)
