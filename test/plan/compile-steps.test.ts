/** How the work of compiling grows with the site, counted in reads of nodes and not in time. */
import t from 'tap'
import { compile, compileSteps } from '../../src/plan/compile.ts'
import { loaderNames, type Facts } from '../../src/plan/facts.ts'
import { buildModel, modelSteps, type Model, type NodeModel } from '../../src/plan/model.ts'
import { itemsPerStep } from '../../src/plan/steps.ts'
import { loadSite } from '../../src/site/load.ts'
import type { Site } from '../../src/site/schema.ts'
import { found, ignitionFiles, liveImage } from '../support/model.ts'
import { planText } from '../support/plan-text.ts'

const facts: Facts = {
  images: new Map([['rhcos', liveImage('/srv/rhcos')]]),
  ignition: new Map([['c', ignitionFiles('/srv/ignition')]]),
  loaders: new Map(loaderNames.map((name) => [name, found(`/usr/lib/ipxe/${name}`)])),
}

function siteOf(count: number): Site {
  const hex = (octet: number) => octet.toString(16).padStart(2, '0')
  const nodes = Array.from({ length: count }, (_, index) => {
    const [high, low] = [index >> 8, index & 255]
    return `{ name: n${index}, role: worker, mac: "52:54:00:00:${hex(high)}:${hex(low)}", address: 10.1.${high}.${low} }`
  })
  const loaded = loadSite(
    `site: lab
server: { address: 10.0.0.1 }
subnets: [{ cidr: 10.0.0.0/8 }]
images: { rhcos: { dir: /srv/rhcos } }
clusters:
  - name: c
    domain: example.net
    image: rhcos
    ignition: /srv/ignition
    disk: /dev/vda
    loadBalancer: { api: 10.0.1.1, ingress: 10.0.1.2 }
    nodes: [${nodes.join(', ').replace('10.1.0.0 ', '10.2.0.1 ')}]
`,
    '/srv/site.yaml',
  )
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems[0]))
  return loaded.site
}

type Reads = { total: number; readonly nodes: Set<string> }

/** Returns the model with nodes that count their reads. */
function counting(model: Model, reads: Reads): Model {
  const nodes = model.nodes.map(
    (node): NodeModel =>
      new Proxy(node, {
        get(target, key, receiver): unknown {
          reads.total += 1
          reads.nodes.add(target.key)
          return Reflect.get(target, key, receiver)
        },
      }),
  )
  return { ...model, nodes }
}

function readsOf(count: number): {
  readonly total: number
  readonly largestStep: number
  readonly steps: number
} {
  const reads: Reads = { total: 0, nodes: new Set() }
  const steps = compileSteps(counting(buildModel(siteOf(count), facts), reads))
  let largestStep = 0
  for (let number = 1; ; number++) {
    const before = reads.total
    const { done } = steps.next()
    largestStep = Math.max(largestStep, reads.total - before)
    if (done === true) return { total: reads.total, largestStep, steps: number }
  }
}

t.test('twice as many nodes take twice as many reads of nodes', (t) => {
  const [some, twice] = [readsOf(750), readsOf(1500)]
  t.ok(twice.total < 2.1 * some.total, `${some.total} and ${twice.total} reads`)
  t.end()
})

t.test('more nodes give more steps, and no step does a large part of the work', (t) => {
  const [some, twice] = [readsOf(1500), readsOf(3000)]
  const parts = (twice.steps - some.steps) / (1500 / itemsPerStep)
  t.ok(parts >= 8, `${parts} lists are compiled in steps`)
  t.ok(twice.largestStep < twice.total / 6, `${twice.largestStep} of ${twice.total} reads in one step`)
  t.end()
})

t.test('the model is built in steps of 500 nodes, and both ways give the same plan', (t) => {
  const site = siteOf(1300)
  const steps = modelSteps(site, facts, 1)
  let count = 1
  let step = steps.next()
  for (; step.done !== true; count++) step = steps.next()
  t.equal(count, 3)
  t.equal(planText(compile(step.value)), planText(compile(buildModel(site, facts))))
  t.end()
})
