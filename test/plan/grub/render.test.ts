/** Whole configurations of GRUB, held by golden files and run by the rules of GRUB's parser. */
import t from 'tap'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { planInstall, planMenu } from '../../../src/plan/boot/boot-plan.ts'
import { quote, renderGrub, renderGrubEntry, renderGrubOverHttp } from '../../../src/plan/grub/render.ts'
import { bootPlans, incompleteMenu } from '../../support/boot-plans.ts'
import { golden } from '../../support/golden.ts'
import { newRun, runGrub } from '../../support/grub-script.ts'
import { agentImage, exampleModel, exampleSite } from '../../support/model.ts'

const url = 'http://192.0.2.2:8080/boot/ocp45/m1/boot.ipxe'
const { model, m1, plans: planByName } = bootPlans()
const plans = [...planByName]
const entry = renderGrubEntry(m1, url)
const overHttp = renderGrubOverHttp(url)
const menu = planMenu(model, m1, ['master', 'worker'])

for (const [name, plan] of plans) {
  t.test(`the configuration of GRUB: ${name}`, (t) => {
    const text = renderGrub(m1, plan)
    golden(t, `grub/${name}.grub`, text)
    t.match(text, /^[\x20-\x7e\n]*$/)
    runGrub(text)
    t.end()
  })
}

t.test('the first file of GRUB requests the script until it boots, over HTTP if this GRUB can', (t) => {
  golden(t, 'grub/entry.grub', entry)
  const texts = [renderGrub(m1, plans[4]![1]), renderGrub(m1, { kind: 'local' })]
  for (const [hasHttp, server] of [
    [true, '(http,192.0.2.2:8080)'],
    [false, '(tftp,192.0.2.2)'],
  ] as const) {
    const run = newRun()
    const queue = [...texts]
    const read = (file: string) =>
      file.endsWith('/http.grub')
        ? hasHttp
          ? overHttp
          : undefined
        : file === `${server}/boot/ocp45/m1/boot.grub`
          ? queue.shift()
          : undefined
    t.strictSame(runGrub(entry, { read, run }), { kind: 'exit', status: '1' })
    t.equal(queue.length, 0)
  }
  t.end()
})

t.test('the first file of GRUB repeats a request that fails', (t) => {
  let requests = 0
  const read = (file: string) =>
    file.endsWith('/boot.grub') && ++requests > 2 ? renderGrub(m1, { kind: 'local' }) : undefined
  t.equal(runGrub(entry, { read }).kind, 'exit')
  t.equal(requests, 3)
  t.end()
})

t.test('the local disk: the loader of its vendor, then the fallback path', (t) => {
  const text = renderGrub(m1, { kind: 'local' })
  for (const file of ['/EFI/redhat/shimx64.efi', '/EFI/BOOT/BOOTAA64.EFI']) {
    t.strictSame(runGrub(text, { disk: file }), { kind: 'chainloader', file: `(hd0)${file}` })
  }
  t.end()
})

t.test('a menu ends the loop, and each of its entries leads to the script of its role', (t) => {
  const outcome = runGrub(entry, {
    read: (file) => (file.endsWith('/boot.grub') ? renderGrub(m1, menu) : undefined),
  })
  if (outcome.kind !== 'end') throw new Error(outcome.kind)
  t.same([...outcome.entries.keys()], ['master', 'worker', 'local', 'reboot'])
  t.equal(outcome.entries.get('master')?.title, 'Install as master (declared)')
  t.equal(outcome.settings.get('default'), 'local')
  t.equal(outcome.settings.get('timeout'), '30')
  const run = newRun()
  const read = () => renderGrub(m1, planInstall(model, m1, 'worker'))
  const shown = runGrub(renderGrub(m1, menu), { read, run, settings: new Map([['slipway', '(tftp,a)']]) })
  const worker = shown.kind === 'end' ? shown.entries.get('worker')?.run() : undefined
  t.equal(worker?.kind, 'boot')
  t.same(run.sourced, ['(tftp,a)/boot/ocp45/m1/install-worker.grub'])
  t.end()
})

t.test('a menu whose default cannot be installed checks again, and never installs another role', (t) => {
  const { node: own, plan } = incompleteMenu()
  const shown = runGrub(renderGrub(own, plan))
  if (shown.kind !== 'end') throw new Error(shown.kind)
  t.same([...shown.entries.keys()], ['worker', 'local', 'reboot', 'again'])
  t.equal(shown.settings.get('default'), 'again')
  t.equal(shown.settings.get('timeout'), '-1')
  const shell = { ...menu, default: 'shell' } as BootPlan
  const complete = runGrub(renderGrub(m1, shell))
  t.equal(complete.kind === 'end' && complete.settings.get('default'), 'local')
  t.end()
})

t.test('an installation tries three times, then returns to the loop', (t) => {
  const run = newRun()
  const text = renderGrub(m1, planInstall(model, m1, 'master'))
  t.equal(runGrub(text, { run, fails: (command) => command === 'linux' }).kind, 'end')
  t.same(run.slept, ['4', '4', '4', '30'])
  t.end()
})

t.test('the image of an agent chooses the disk', (t) => {
  const { model, node } = agentNode()
  const run = newRun()
  t.equal(runGrub(renderGrub(node, planInstall(model, node, 'master')), { run }).kind, 'boot')
  t.match(run.printed[0], 'installs as the agent decides')
  t.end()
})

function agentNode() {
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  const withAgent = exampleModel(exampleSite(), { images })
  return { model: withAgent, node: withAgent.nodes.find(({ key }) => key === 'ocp45/m1')! }
}

t.test('words are quoted so that GRUB expands nothing in them', (t) => {
  for (const word of ["it's", '$root', '"a" b', 'a;b|c&d', '{x}', '#x', String.raw`a\b`]) {
    const run = newRun()
    runGrub(`echo ${quote(word)}`, { run })
    t.same(run.printed, [word])
  }
  t.equal(quote('ü\n'), "'? '")
  t.end()
})
