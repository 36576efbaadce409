import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { compile } from '../../src/plan/compile.ts'
import { loaderNames, type Facts } from '../../src/plan/facts.ts'
import { buildModel, type Model } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import { found, ignitionFiles, installerImage, liveImage, missing } from '../support/model.ts'
import { planText } from '../support/plan-text.ts'

const root = new URL('../../', import.meta.url)
const example = await readFile(new URL('config/site.example.yaml', root), 'utf8')

const complete: Facts = {
  images: new Map([['rhcos-4.17', liveImage('/images/rhcos-4.17')]]),
  ignition: new Map([['ocp45', ignitionFiles('/ignition')]]),
  loaders: new Map(loaderNames.map((name) => [name, found(`/usr/lib/ipxe/${name}`)])),
}

function model(facts: Partial<Facts> = {}, text = example): Model {
  const loaded = loadSite(text, '/etc/slipway/site.yaml')
  if (loaded.kind === 'problems') throw new Error(JSON.stringify(loaded.problems))
  return buildModel(loaded.site, { ...complete, ...facts })
}

const cases: { name: string; facts: Partial<Facts> }[] = [
  { name: 'guide', facts: {} },
  { name: 'guide-4.5', facts: { images: new Map([['rhcos-4.17', installerImage('/images/rhcos-4.5')]]) } },
  {
    name: 'guide-nothing-there',
    facts: {
      images: new Map([
        [
          'rhcos-4.17',
          {
            style: 'live',
            kernel: missing('/images', '/images does not exist'),
            initramfs: missing('/images', '/images does not exist'),
            rootfs: missing('/images', '/images does not exist'),
          },
        ],
      ]),
      loaders: new Map(loaderNames.map((name) => [name, missing('/usr/lib/ipxe', `no ${name}`)])),
    },
  },
]

for (const { name, facts } of cases) {
  t.test(`the whole plan of ${name} is the golden file (UPDATE=1 rewrites it)`, async (t) => {
    const file = new URL(`test/fixtures/plans/${name}.json`, root)
    const text = planText(compile(model(facts)))
    if (process.env['UPDATE']) await writeFile(file, text)
    else t.equal(text, await readFile(file, 'utf8'))
  })
}

t.test('compiling is pure: the same site and facts give the same plan', (t) => {
  t.equal(planText(compile(model())), planText(compile(model())))
  t.end()
})

t.test('errors come before warnings, whichever service found them', (t) => {
  const lonely = example.replace('  forward: [192.168.124.1]\n', '')
  const facts = {
    loaders: new Map(loaderNames.map((name) => [name, missing('/usr/lib/ipxe', `no ${name}`)])),
  }
  const severities = compile(model(facts, lonely)).findings.map(({ severity }) => severity)
  t.ok(severities.includes('error') && severities.includes('warning'))
  t.same(severities, severities.toSorted())
  t.end()
})
