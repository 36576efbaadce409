import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../src/cli/command.ts'
import { chooseNode, requireOrder, siteFile, splitSite } from '../../src/cli/target.ts'
import { fakeSlipway } from '../support/fake-slipway.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const nowhere = { control: '/nonexistent/socket' }

t.test('the site file is the argument, $SLIPWAY_SITE, or the file of the running slipway', async (t) => {
  t.equal(await siteFile({ site: 'a.yaml' }, undefined, {}), 'a.yaml')
  t.equal(await siteFile({}, 'b.yaml', { SLIPWAY_SITE: 'c.yaml' }), 'b.yaml')
  t.equal(await siteFile({}, undefined, { SLIPWAY_SITE: 'c.yaml' }), 'c.yaml')
  const slipway = await fakeSlipway(t, { 'GET /v1/status': { siteFile: '/etc/slipway/site.yaml' } })
  t.equal(await siteFile({ control: slipway.path }, undefined, {}), '/etc/slipway/site.yaml')
})

t.test('without a running slipway, the site file is that of the packages if it exists', async (t) => {
  const installed = join(t.testdir({ 'site.yaml': '' }), 'site.yaml')
  t.equal(await siteFile(nowhere, undefined, {}, installed), installed)
  t.equal(await siteFile(nowhere, undefined, { SLIPWAY_SITE: 'c.yaml' }, installed), 'c.yaml')
  await t.rejects(siteFile(nowhere, undefined, {}, `${installed}.none`), { message: /^no site file: / })
})

t.test('a node where a site file is expected gets the right order', (t) => {
  t.throws(
    () => requireOrder('explain', 'w1', 'site.yaml'),
    new UsageError('w1 is a node, not a site file; did you mean: slipway explain site.yaml w1'),
  )
  t.doesNotThrow(() => requireOrder('explain', 'site.yaml', 'w1'))
  t.doesNotThrow(() => requireOrder('explain', 'a.yaml', 'w1.yaml'))
  t.doesNotThrow(() => requireOrder('explain', 'w1', 'w2'))
  t.end()
})

t.test('two site files, or none, are a usage error', async (t) => {
  await t.rejects(
    siteFile({ site: 'a.yaml' }, 'b.yaml', {}),
    new UsageError('two site files: --site a.yaml and b.yaml'),
  )
  await t.rejects(siteFile(nowhere, undefined, {}, '/nonexistent/site.yaml'), {
    name: 'UsageError',
    message: /^no site file: /,
  })
})

t.test('the last argument is a site file when it looks like one or exists', (t) => {
  t.same(splitSite(['w1', 'ocp45/w2', 'lab.yaml'], {}), { names: ['w1', 'ocp45/w2'], file: 'lab.yaml' })
  t.same(splitSite(['w1', 'ocp45/w2'], {}), { names: ['w1', 'ocp45/w2'], file: undefined })
  t.same(splitSite(['w1', 'lab.yaml'], { site: 'x.yaml' }), { names: ['w1', 'lab.yaml'], file: undefined })
  t.same(splitSite([], {}), { names: [], file: undefined })
  t.end()
})

t.test('finds a node by its name or its key', (t) => {
  const model = exampleModel()
  t.equal(chooseNode(model, 'm1').key, 'ocp45/m1')
  t.equal(chooseNode(model, 'ocp45/m1').key, 'ocp45/m1')
  t.end()
})

t.test('a name in two clusters needs the name of the cluster', (t) => {
  const { nodes } = exampleModel()
  const model = { nodes: [...nodes, ...nodes.map((node) => ({ ...node, key: `other/${node.name}` }))] }
  t.throws(
    () => chooseNode(model, 'm1'),
    new UsageError('several clusters have a node m1: use ocp45/m1 or other/m1'),
  )
  t.equal(chooseNode(model, 'other/m1').key, 'other/m1')
  t.end()
})

t.test('an unknown node: the nearest name, and all names', (t) => {
  const model = exampleModel(exampleSite())
  const has = 'it has ocp45/bs, ocp45/m1, ocp45/w1, ocp45/i1'
  const cases = [
    { name: 'w2', message: `the site does not declare a node w2 (did you mean w1?); ${has}` },
    {
      name: 'ocp54/m1',
      message: `the site does not declare a node ocp54/m1 (did you mean ocp45/m1?); ${has}`,
    },
    { name: 'bastion', message: `the site does not declare a node bastion; ${has}` },
  ]
  for (const { name, message } of cases) t.throws(() => chooseNode(model, name), new UsageError(message))
  t.end()
})
