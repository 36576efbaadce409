/** The Ignition files of Fedora CoreOS and Flatcar in groups: every version of the specification, served unchanged. */
import t from 'tap'
import type { ImageFacts } from '../../../src/plan/facts.ts'
import { compile } from '../../../src/plan/compile.ts'
import { ignitionFindings } from '../../../src/plan/ignition/findings.ts'
import { ignitionFile } from '../../support/model.ts'
import { structureFaults } from '../../../src/scan/ignition/structure.ts'
import { answerText, systemModel } from '../../support/systems.ts'

const path = '/srv/edge.ign'

const withFedoraNames = (image: ImageFacts) =>
  JSON.parse(JSON.stringify(image).replaceAll('rhcos-', 'fedora-coreos-')) as ImageFacts

function findings(os: 'fcos' | 'flatcar', version: string): string[] {
  const facts = { systemIgnition: new Map([[path, ignitionFile(path, { version })]]) }
  const model = systemModel({ os, group: { answers: path }, facts })
  const images = [...model.facts.images].map(([name, image]) => [name, withFedoraNames(image)] as const)
  const plan = compile({ ...model, facts: { ...model.facts, images: new Map(images) } })
  const own = [...plan.findings, ...ignitionFindings(plan, 0)].filter(({ message }) => message.includes(path))
  return own.map(({ code, severity, about, message }) => `${severity} ${code} ${about}: ${message}`)
}

t.test('versions 3.0 to 3.6 are accepted', (t) => {
  for (const os of ['fcos', 'flatcar'] as const) {
    for (const minor of [0, 1, 2, 3, 4, 5, 6]) t.same(findings(os, `3.${minor}.0`), [], `${os} 3.${minor}`)
  }
  t.end()
})

t.test('a newer minor version is a warning with the next step', (t) => {
  for (const os of ['fcos', 'flatcar'] as const) {
    t.same(findings(os, '3.7.0'), [
      `warning ignition.version-unknown group web: ${path} has Ignition version 3.7.0, which this program does not know (2.x, 3.0 to 3.6): slipway serves it unchanged, so check that the image reads it`,
    ])
  }
  t.end()
})

t.test('the example of an Ignition file is one that Ignition accepts', (t) => {
  const config = JSON.parse(answerText('edge.ign')) as { readonly ignition: { readonly version: string } }
  t.same(structureFaults(config), [])
  t.same(findings('fcos', config.ignition.version), [])
  t.end()
})
