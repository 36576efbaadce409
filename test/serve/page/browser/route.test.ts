import t from 'tap'
import { routeOf } from '../../../../src/serve/page/browser/route.ts'

t.test('the fragment selects the view; an unknown one shows the rack', (t) => {
  t.same(routeOf('#/rack?state=problem'), { view: 'rack', node: '', query: 'state=problem' })
  t.same(routeOf('#/node/ocp45/w1'), { view: 'node', node: 'ocp45/w1', query: '' })
  t.same(routeOf('#/clusters'), { view: 'clusters', node: '', query: '' })
  for (const fragment of ['', '#', '#/nothing', '#/node/ocp45']) {
    t.same(routeOf(fragment), { view: 'rack', node: '', query: '' }, fragment)
  }
  t.end()
})
