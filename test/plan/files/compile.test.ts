/** The plan of the files below /files. The routes are tested with a whole site (test/serve/http/files.test.ts). */
import t from 'tap'
import { filesSteps, renderedKey } from '../../../src/plan/files/compile.ts'
import { runSteps } from '../../../src/plan/steps.ts'
import { parseTemplate, type Template } from '../../../src/plan/template/template.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const template = (text: string) => parseTemplate(text) as Template

function siteWith(files: readonly object[]) {
  return Object.assign(exampleSite(), { http: { files } })
}

t.test('a site without files has no plan of them', (t) => {
  t.same(runSteps(filesSteps(exampleModel())), { plan: undefined, findings: [] })
  t.end()
})

t.test('files and directories alone need no templates', (t) => {
  const { plan, findings } = runSteps(filesSteps(exampleModel(siteWith([{ path: 'a', dir: '/srv/a' }]))))
  t.same(plan?.shared.get('a'), { kind: 'dir', dir: '/srv/a' })
  t.equal(plan?.templates.size, 0)
  t.same(findings, [])
  t.end()
})

t.test('templates are rendered for each node, also for one that belongs to no cluster', (t) => {
  const site = siteWith([{ path: 'a', template: '/srv/a' }])
  const facts = new Map([
    ['/srv/a', { kind: 'found', path: '/srv/a', template: template('{{node.key}}') } as const],
  ])
  const model = exampleModel(site, { served: { templates: facts, problems: new Map(), protectedPaths: [] } })
  const [first] = model.nodes
  const other = { ...first!, key: 'group/n1' } as const
  const { plan, findings } = runSteps(filesSteps({ ...model, nodes: [...model.nodes, other] }))
  t.equal(plan?.rendered.get(renderedKey('ocp45/m1', 'a'))?.text, 'ocp45/m1')
  t.equal(plan?.rendered.get(renderedKey('group/n1', 'a'))?.text, 'group/n1')
  t.equal(plan?.rendered.get(renderedKey('ocp45/m1', 'b')), undefined)
  t.same(findings, [])
  t.end()
})

t.test('a template that was not read is a finding', (t) => {
  const { findings } = runSteps(filesSteps(exampleModel(siteWith([{ path: 'a', template: '/srv/a' }]))))
  t.match(findings, [
    {
      code: 'http.template-invalid',
      about: '/files/a',
      message: /^\/srv\/a was not read \(needed by ocp45\/bs, /,
    },
  ])
  t.end()
})
