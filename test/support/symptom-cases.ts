/** Tests each symptom with a node that has it and a similar node that does not. */
import type { Test } from 'tap'
import type { NodeRecord } from '../../src/install/installs.ts'
import type { LoaderSignature } from '../../src/plan/loader-signature.ts'
import { symptomOf, type Symptom } from '../../src/install/reports.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import { observedNode, type ObservedNode } from './observed-node.ts'

export const second = 1000
export const minute = 60 * second

const plain: NodeRecord = {
  node: 'ocp45/w1',
  mode: 'installing',
  since: 0,
  reason: 'it received its script',
}

export function symptom(
  life: ObservedNode,
  {
    record = {},
    usesDhcp = true,
    ...known
  }: {
    record?: Partial<NodeRecord>
    usesDhcp?: boolean
    signatures?: ReadonlyMap<string, LoaderSignature>
  } = {},
): Symptom | undefined {
  const timeline = timelineOf(life.observations)
  return symptomOf({ record: { ...plain, ...record }, usesDhcp, ...known, timeline, now: life.now() })
}

export type SymptomCase = {
  readonly name: string
  readonly sick: ObservedNode
  /** A similar node without this symptom. */
  readonly sound: ObservedNode
  readonly usesDhcp?: boolean
  readonly saw: string
  readonly advice: RegExp
}

export function testSymptoms(t: Test, cases: readonly SymptomCase[]): void {
  for (const { name, sick, sound, usesDhcp = true, saw, advice } of cases) {
    t.test(`${name}: ${saw}`, (t) => {
      t.match(symptom(sick, { usesDhcp }), { name, saw, advice })
      t.equal(symptom(sound, { usesDhcp }), undefined, 'no symptom for a similar node without the fault')
      t.end()
    })
  }
}

export const wait = { reason: 'the bootstrap does not serve machine configurations yet' }

/** Boots that end at the named step. */
export const lifeUntil = {
  script: (life = observedNode()) => life.pxe().script('install', { role: 'worker' }),
  initramfs: () => lifeUntil.script().fetches('kernel').fetches('initramfs'),
  rootfs: () => lifeUntil.initramfs().asks('system').fetches('rootfs'),
}
