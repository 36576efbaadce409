/**
 * Simulates the machines of a rack: what each observes and reports, in the past and in the next minutes. The state machine
 * of slipway makes all decisions.
 */
import type { Installs } from '../../../src/install/installs.ts'
import type { Seen } from '../../../src/install/observation.ts'
import type { IgnitionKind } from '../../../src/plan/facts.ts'
import { observedNode, type ObservedNode } from '../../support/observed-node.ts'

export type Machine = { readonly key: string; readonly address: string; readonly role: IgnitionKind }

/** `at`: milliseconds since the start of the simulation. */
export type Act = { readonly at: number; readonly run: () => Promise<unknown> }

const minute = 60_000

/** Number of machines with a complete past. */
const detailed = 20

/** What becomes of the machines of a small rack. */
const fates: readonly ((life: ObservedNode, role: IgnitionKind) => ObservedNode)[] = [
  (life, role) => ready(life.pass(minute).installs(role)),
  (life, role) => ready(life.pass(2 * minute).installs(role)),
  (life, role) => ready(life.pass(3 * minute).installs(role)),
  (life, role) =>
    downloads(
      life
        .pass(27 * minute)
        .pxe()
        .script('install', { role }),
    ),
  (life) => withoutIpxe(life.pass(24 * minute)),
  (life, role) => ready(life.pass(4 * minute).installs(role)),
  (life, role) =>
    downloads(
      life
        .pass(28 * minute)
        .pxe()
        .script('install', { role }),
    ),
]

function ready(life: ObservedNode): ObservedNode {
  return life.pass(30_000).says('approved-client').pass(4000).says('registered').pass(50_000).says('ready')
}

/** A slow download that continues for some minutes. */
function downloads(life: ObservedNode): ObservedNode {
  life.fetches('kernel').fetches('initramfs').pass(14_000).asks('system', 3000)
  const total = 1024 ** 3
  life.file('rootfs', 'begun', 0, 0)
  for (let second = 1; second < 300; second++) {
    life.pass(1000).file('rootfs', 'under-way', Math.min(total, second * 3_500_000), second * 1000)
  }
  return life
}

/** Fetches its loader again and again. */
function withoutIpxe(life: ObservedNode): ObservedNode {
  for (let boot = 0; boot < 2; boot++) life.asks('firmware').loader('probed').loader('sent').pass(50_000)
  return life
}

/** @param installs those of the running app, which can be restarted @param startedAt milliseconds since 1970 */
export function actsOf(installs: () => Installs, machine: Machine, index: number, startedAt: number): Act[] {
  // In a large rack, the other machines were only powered on: a complete past for each takes minutes.
  const others = (life: ObservedNode) => life.pass(29 * minute).asks('firmware')
  const fate = index < detailed ? (fates[Math.min(index, 3 + (index % 4))] ?? others) : others
  const life = fate(observedNode(machine.key, startedAt), machine.role)
  const play = player(installs, machine)
  return life.observations.map(({ at, ...seen }) => ({
    at: at - startedAt,
    run: () => play(seen),
  }))
}

/** Returns a function that reports to slipway what the machine does, as the services would. */
function player(installs: () => Installs, { key, address, role }: Machine): (seen: Seen) => Promise<unknown> {
  let token = ''
  return async (seen) => {
    if (seen.kind === 'script') {
      // As if an administrator skipped the wait for the bootstrap at the console.
      const answer = await installs().boot(key, { isSkipping: true })
      if (answer.kind === 'install') token = answer.token
      installs().observe({ node: key, kind: 'script', script: answer.kind, role })
    } else if (seen.kind === 'callback') {
      const from = { address, client: `${address}:40001` }
      const used = seen.stage === 'started' ? installs().startedToken(token) : token
      await installs().callback(key, seen.stage as 'written' | 'started', used, from)
    } else {
      if (seen.kind === 'ignition')
        await installs().mayRead(key, { token, address, what: role, isHead: false })
      installs().observe(seen)
    }
  }
}
