import t from 'tap'
import { UsageError } from '../../src/cli/command.ts'
import { siteFile, splitSite } from '../../src/cli/target.ts'
import { fakeSlipway } from '../support/fake-slipway.ts'

const nowhere = { control: '/nonexistent/socket' }

t.test('the site file is the given one, $SLIPWAY_SITE, or that of the running slipway', async (t) => {
  t.equal(await siteFile({ site: 'a.yaml' }, undefined, {}), 'a.yaml')
  t.equal(await siteFile({}, 'b.yaml', { SLIPWAY_SITE: 'c.yaml' }), 'b.yaml')
  t.equal(await siteFile({}, undefined, { SLIPWAY_SITE: 'c.yaml' }), 'c.yaml')
  const slipway = await fakeSlipway(t, { 'GET /v1/status': { siteFile: '/etc/slipway/site.yaml' } })
  t.equal(await siteFile({ control: slipway.path }, undefined, {}), '/etc/slipway/site.yaml')
})

t.test('two site files, or none, are a usage error', async (t) => {
  await t.rejects(
    siteFile({ site: 'a.yaml' }, 'b.yaml', {}),
    new UsageError('two site files: --site a.yaml and b.yaml'),
  )
  await t.rejects(siteFile(nowhere, undefined, {}), { name: 'UsageError', message: /^no site file: / })
})

t.test('the last argument is a site file when it looks like one or exists', (t) => {
  t.same(splitSite(['w1', 'ocp45/w2', 'lab.yaml'], {}), { names: ['w1', 'ocp45/w2'], file: 'lab.yaml' })
  t.same(splitSite(['w1', 'ocp45/w2'], {}), { names: ['w1', 'ocp45/w2'], file: undefined })
  t.same(splitSite(['w1', 'lab.yaml'], { site: 'x.yaml' }), { names: ['w1', 'lab.yaml'], file: undefined })
  t.same(splitSite([], {}), { names: [], file: undefined })
  t.end()
})
