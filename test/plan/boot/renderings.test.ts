/** Every loader does the same for a decision: the same kernel, initramfs, and arguments, or the disk, or another request. */
import * as fc from 'fast-check'
import t from 'tap'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { renderBoot } from '../../../src/plan/boot/render.ts'
import { ignitionKinds } from '../../../src/plan/facts.ts'
import { runScript } from '../../../src/simulate/ipxe-script.ts'
import { newRun, runGrub } from '../../support/grub-script.ts'
import { readFirmware } from '../../support/firmware-config.ts'
import { readPxelinux } from '../../support/pxelinux-config.ts'
import { exampleModel } from '../../support/model.ts'

const node = exampleModel().nodes.find(({ key }) => key === 'ocp45/m1')!
const url = 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe'
const server = '(tftp,192.0.2.2)'

const name = fc.stringMatching(/^[a-zA-Z0-9._-]{1,30}$/).filter((text) => !text.startsWith('.'))
const file = name.map((each) => ({ name: each, url: `http://192.0.2.2/images/rhcos/${each}` }))
/** As the schema of the site accepts them: printable, without spaces, and without the expansions of iPXE. */
const word = fc
  .stringMatching(/^[a-z][!-~]{0,40}$/)
  .filter((text) => !text.includes('${') && !text.startsWith('#'))
const role = fc.constantFrom(...ignitionKinds)
const sentence = fc.string({ minLength: 1, maxLength: 100 }).filter((text) => /\w/.test(text))
const install = fc.record({
  kind: fc.constant('install' as const),
  role,
  style: fc.constantFrom('live' as const, 'installer' as const, 'agent' as const),
  disk: fc.constant('/dev/sda'),
  kernel: file,
  initramfs: file,
  arguments: fc.array(word, { maxLength: 12 }),
})
const missing = fc.record({
  kind: fc.constant('missing' as const),
  role,
  missing: fc.array(
    fc.record({
      kind: fc.constant('missing' as const),
      code: fc.constant('image.file-missing' as const),
      path: fc.constant('/srv/rhcos'),
      problem: sentence,
    }),
    { minLength: 1, maxLength: 3 },
  ),
})
const others: fc.Arbitrary<BootPlan> = fc.oneof(
  fc.record({ kind: fc.constant('local' as const) }),
  fc.record({ kind: fc.constant('wait' as const), reason: sentence, canSkip: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), reason: sentence, canSkip: fc.boolean(), role }),
  fc.record({ kind: fc.constant('failed' as const), reason: sentence }),
  fc.record({ kind: fc.constant('refused' as const), reason: sentence }),
  missing,
)

/** What a loader does, in the same words for all of them. */
type Effect =
  | {
      readonly kind: 'boot'
      readonly kernel: string
      readonly initrd: string
      readonly arguments: readonly string[]
    }
  | { readonly kind: 'disk' }
  | { readonly kind: 'again'; readonly script: string }

const pathOf = (given: string) => new URL(given).pathname

function ipxe(plan: BootPlan, keys: readonly string[] = []): Effect {
  const outcome = runScript(renderBoot('ipxe', node, plan, url), url, new Map([['platform', 'efi']]), keys)
  if (outcome.kind === 'boot') {
    const [initrd] = outcome.initrds
    return {
      kind: 'boot',
      kernel: pathOf(outcome.kernel.url),
      initrd: pathOf(initrd!.url),
      arguments: outcome.kernel.arguments.filter((each) => each !== 'initrd=main'),
    }
  }
  if (outcome.kind === 'local') return { kind: 'disk' }
  if (outcome.kind !== 'chain') throw new Error(JSON.stringify(outcome))
  const { pathname, searchParams } = new URL(outcome.url)
  const script = pathname.slice(pathname.lastIndexOf('/') + 1).replace('.ipxe', '')
  return { kind: 'again', script: searchParams.has('skip') ? `skip-${script}` : script }
}

function grub(plan: BootPlan, isSkipping = false): Effect {
  const run = newRun()
  const settings = new Map([['slipway', server]])
  const text = renderBoot('grub', node, plan, url)
  const outcome = runGrub(text, { settings, run, fails: (command) => isSkipping && command === 'sleep' })
  if (outcome.kind === 'boot') {
    const local = (path: string) => {
      if (!path.startsWith(server)) throw new Error(`not from the server: ${path}`)
      return path.slice(server.length)
    }
    return { ...outcome, kernel: local(outcome.kernel), initrd: local(outcome.initrd) }
  }
  if (outcome.kind === 'exit') return { kind: 'disk' }
  const requested = run.sourced.at(-1)
  if (requested !== undefined) {
    return { kind: 'again', script: requested.slice(requested.lastIndexOf('/') + 1).replace('.grub', '') }
  }
  // The loop in its first file requests the script again; an entry of the menu that of its role.
  const asked = plan.kind === 'wait' && plan.role !== undefined ? `install-${plan.role}` : 'boot'
  return { kind: 'again', script: asked }
}

/** The effect of a configuration of PXELINUX or U-Boot, which an administrator can tell to skip a wait. */
function pxelinux(syntax: 'pxelinux' | 'uboot', plan: BootPlan, isSkipping = false): Effect {
  const { labels, first } = readPxelinux(renderBoot(syntax, node, plan, url))
  const outcome = labels.get(isSkipping ? 'skip' : first)
  switch (outcome?.kind) {
    case 'boot':
      return { ...outcome, kernel: local(outcome.kernel), initrd: local(outcome.initrd) }
    case 'disk':
      return { kind: 'disk' }
    case 'config':
      if (outcome.file === 'lpxelinux.0') return { kind: 'again', script: 'boot' }
      return { kind: 'again', script: outcome.file.replace(/^.*\//, '').replace(`.${syntax}`, '') }
    default:
      throw new Error('no such label')
  }

  /** PXELINUX reads URLs, and U-Boot paths on its server. */
  function local(name: string): string {
    return syntax === 'pxelinux' ? pathOf(name) : name
  }
}

/** Firmware without labels continues with its next boot device: it can neither wait nor request another file. */
function firmware(plan: BootPlan): Effect {
  const entry = readFirmware(renderBoot('firmware', node, plan, url))
  return entry === undefined ? { kind: 'disk' } : { kind: 'boot', ...entry }
}

t.test('an installation has the same kernel, initramfs, and arguments in every loader', (t) => {
  fc.assert(
    fc.property(install, (plan) => {
      const wanted: Effect = {
        kind: 'boot',
        kernel: pathOf(plan.kernel.url),
        initrd: pathOf(plan.initramfs.url),
        arguments: plan.arguments,
      }
      t.strictSame(grub(plan), wanted)
      t.strictSame(ipxe(plan), wanted)
      t.strictSame(pxelinux('pxelinux', plan), wanted)
      t.strictSame(pxelinux('uboot', plan), wanted)
      t.strictSame(firmware(plan), wanted)
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('every other decision leads to the disk, or to the same request, in every loader', (t) => {
  fc.assert(
    fc.property(others, fc.boolean(), (plan, isSkipping) => {
      const canSkip = plan.kind === 'wait' && plan.canSkip && isSkipping
      const wanted = ipxe(plan, canSkip ? ['s'] : [])
      t.strictSame(grub(plan, canSkip), wanted)
      t.strictSame(pxelinux('pxelinux', plan, canSkip), wanted)
      t.strictSame(pxelinux('uboot', plan, canSkip), wanted)
      t.strictSame(firmware(plan), { kind: 'disk' })
    }),
    { numRuns: 300 },
  )
  t.end()
})
