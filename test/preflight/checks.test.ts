import t from 'tap'
import { runChecks } from '../../src/preflight/check.ts'
import { checks } from '../../src/preflight/checks.ts'
import { checkContext } from '../support/probes.ts'

/** The example has neither mirrors, nor a cluster that runs elsewhere, nor BMCs, nor a subnet of IPv6. */
const withoutSubject = ['mirrors', 'endpoints', 'bmcs', 'routers']

t.test('on a correctly configured machine every check is ok, in the order of the table', async (t) => {
  const context = checkContext({}, (site) => {
    Object.assign(site, { dns: { forward: ['192.0.2.53'] } })
  })
  const results = await runChecks(checks, context)
  t.same(
    results.filter(({ status }) => status !== 'ok'),
    [],
  )
  t.same(
    results.map(({ check }) => check),
    checks.map(({ name }) => name).filter((name) => !withoutSubject.includes(name)),
  )
})

t.test('a check that fails itself is a warning, and the others run', async (t) => {
  const broken = { name: 'broken', run: () => Promise.reject(new Error('no /proc')) }
  const fine = { name: 'fine', run: () => [{ status: 'ok', text: 'fine' }] as const }
  t.match(await runChecks([broken, fine], checkContext()), [
    { check: 'broken', status: 'warning', code: 'preflight.not-checked', text: 'no /proc' },
    { check: 'fine', status: 'ok' },
  ])
})
