/**
 * Day 2: a worker is added to the running cluster with its own pointer, while slipway is killed at every stage of the
 * installation, and is removed again.
 */
import { waitUntil } from '../../checks/client.ts'
import { expectEqual, expectMatch, expectNoMatch } from '../../expect.ts'
import { readFile } from 'node:fs/promises'
import type { Check } from '../../runner.ts'
import { slipway, type LogLine } from '../../server.ts'
import { domain, nodes } from '../network.ts'
import type { RealRig } from '../rig.ts'
import { deleteNode, pollUntil, waitForReady } from './cluster.ts'
import { installationLimitMs, minuteMs } from './installation.ts'
import { clientSigner, servingSigner } from './requests.ts'

const node = nodes.w3
const key = `ocp45/${node.name}`
const added = ['--role', 'worker', '--mac', node.mac, '--address', node.address]

/**
 * Of new certificates. The signer adds five minutes before the request, and a kubelet renews a certificate at 70 to 90 % of
 * the sum: between 15 and 105 s after it was signed.
 */
const shortLifetime = '150s'

/** What slipway logs about the node, in this order. It is killed after each. */
const stages: readonly (readonly [what: string, matches: (line: LogLine) => boolean])[] = [
  ['the boot script', ({ msg, node: of }) => of === key && msg === 'boot script served'],
  ['the kernel', ({ file = '' }) => /live-kernel/.test(file)],
  ['the rootfs', ({ file = '' }) => /live-rootfs/.test(file)],
  ['the Ignition file of the live system', ({ file = '' }) => /live\.ign/.test(file)],
  ['the disk check', ({ msg, node: of }) => of === key && msg === 'disk checked'],
  ['the Ignition file', ({ msg, file = '' }) => msg === 'Ignition file served' && !/live\.ign/.test(file)],
  ['the report that the disk is written', ({ text }) => /"stage":"written"/.test(text)],
  ['the report of the first start', ({ text }) => /"stage":"started"/.test(text)],
]

export const day2Checks: readonly Check<RealRig>[] = [
  {
    name: 'real: a worker is added on day 2, and loses power while it fetches the rootfs',
    limitMs: 6 * minuteMs,
    async run(rig) {
      await provideOwnPointer(rig)
      await rig.controlPlane.stopManager()
      rig.controlPlane.startManager(shortLifetime)
      const site = ['--site', rig.site.sitePath]
      const given = [...added, '--until', 'armed']
      console.log(indent(await rig.slipway('node', 'add', ...given, node.name, ...site)))
      const machine = await rig.machine(node)
      rig.account.say(`${node.name} is powered on (uefi, empty disk)`)
      await machine.powerOn('disk')
      await rig.server.waitFor('the initramfs', ({ file = '' }) => /live-initramfs/.test(file), {
        limitMs: 4 * minuteMs,
      })
      await machine.waitForConsole('the rootfs', /initramfs: rootfs/, { limitMs: 2 * minuteMs })
      // The console reports the download before its request is sent.
      await waitUntil(
        'slipway status to show the transfer',
        async () => new RegExp(`^${key} .*rootfs`, 'm').test(await rig.slipway('status')),
        minuteMs,
      )
      await machine.powerOff()
      rig.account.say(`${node.name} loses power`)
      await pollUntil(
        'slipway status to report that the transfer does not continue',
        async () => new RegExp(`^${key} .*stalled`, 'm').test(await rig.slipway('status')),
        minuteMs,
      )
      return undefined
    },
  },
  {
    name: 'real: slipway is killed at every stage of its installation',
    limitMs: installationLimitMs + 5 * minuteMs,
    async run(rig) {
      const machine = await rig.machine(node)
      const firstLine = machine.console.length
      rig.account.say(`${node.name} is powered on again`)
      const since = rig.server.lines.length
      await machine.powerOn('disk')
      let from = since
      for (const [what, matches] of stages) {
        await rig.server.waitFor(what, matches, { since: from, limitMs: 6 * minuteMs })
        from = 0
        rig.account.say(`slipway is killed after it sent or received: ${what}`)
        await rig.restart('SIGKILL')
      }
      await waitForReady(rig, node, 6 * minuteMs)
      const console_ = machine.console
        .slice(firstLine)
        .map(({ text }) => text)
        .join('\n')
      expectEqual(console_.match(/Install complete/g)?.length, 1, 'number of installations')
      const again = ['node', 'add', ...added, '--timeout', '2m', node.name, '--site', rig.site.sitePath]
      const resumed = await rig.run([...slipway(...again), ...['--control', `${rig.site.dir}/control.sock`]])
      expectEqual(resumed.status, 0, `slipway node add, again (${resumed.stdout}${resumed.stderr})`)
      return undefined
    },
  },
]

/** Run after other checks, so that the certificates are due for renewal. */
export const renewalChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: its kubelet renews both of its certificates',
    limitMs: 8 * minuteMs,
    async run(rig) {
      let renewals = { client: 0, serving: 0 }
      await pollUntil(
        'approved renewals of both certificates',
        async () => {
          renewals = await approvedRenewals(rig)
          return renewals.client > 0 && renewals.serving > 0
        },
        7 * minuteMs,
      )
      await rig.controlPlane.stopManager()
      rig.controlPlane.startManager()
      return `${renewals.client} of the client certificate, ${renewals.serving} of the serving certificate`
    },
  },
  {
    name: 'real: the worker is removed from the cluster and from the site',
    limitMs: 5 * minuteMs,
    async run(rig) {
      const machine = await rig.machine(node)
      await machine.shutDown()
      await deleteNode(rig, node)
      console.log(indent(await rig.slipway('node', 'remove', node.name, '--site', rig.site.sitePath)))
      expectNoMatch(await readFile(rig.site.sitePath, 'utf8'), /name: w3/, 'the site file')
      expectNoMatch(await rig.slipway('status'), /ocp45\/w3/, 'slipway status')
      expectMatch(await rig.slipway('status'), /ocp45\/w1 .*Ready/, 'slipway status')
      return undefined
    },
  },
]

/**
 * Returns how often a renewal of each certificate of the worker was approved. Its kubelet requests the first client
 * certificate as the bootstrap user, and the first serving certificate as its node.
 */
async function approvedRenewals({ controlPlane }: RealRig): Promise<{ client: number; serving: number }> {
  const selected = `.items[?(@.spec.username=="system:node:${node.name}.${domain}")]`
  const fields = '{.status.conditions[*].type} {.spec.signerName}{"\\n"}'
  const listed = await controlPlane.kubectl('get', 'csr', '-o', `jsonpath={range ${selected}}${fields}{end}`)
  const approved = (signer: string): number =>
    listed.split('\n').filter((line) => line === `Approved ${signer}`).length
  return { client: approved(clientSigner), serving: approved(servingSigner) - 1 }
}

/** Creates the pointer that the machine config operator keeps for machines that are added later. */
async function provideOwnPointer({ controlPlane, site }: RealRig): Promise<void> {
  const pointer = await readFile(`${site.dir}/ignition/worker.ign`)
  await controlPlane.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'worker-user-data-managed', namespace: 'openshift-machine-api' },
    data: { userData: pointer.toString('base64'), disableTemplating: Buffer.from('true').toString('base64') },
  })
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '         ')
}
