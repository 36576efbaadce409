/**
 * Certificate requests with the real credentials of one node, which are read from its disk: slipway approves only what a
 * kubelet of that node asks for. The API server records who sent a request.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch, Unexpected } from '../../expect.ts'
import { output, run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { kubeconfig } from '../certificates.ts'
import type { Machine } from '../machine.ts'
import { rootOffset } from '../metal-image.ts'
import { domain, nodes } from '../network.ts'
import type { RealRig } from '../rig.ts'
import { pollUntil } from './cluster.ts'
import {
  clientSigner,
  pendingRequests,
  requestObject,
  servingRequest,
  servingSigner,
  waitForApproval,
  type Request,
} from './requests.ts'

const own = nodes.w1
const other = nodes.w2
const fqdn = `${own.name}.${domain}`

const client = {
  subject: `/O=system:nodes/CN=system:node:${fqdn}`,
  signer: clientSigner,
  usages: ['digital signature', 'client auth'],
}
const serving = {
  subject: `/O=system:nodes/CN=system:node:${fqdn}`,
  signer: servingSigner,
  usages: ['digital signature', 'server auth'],
  names: `DNS:${fqdn},IP:${own.address}`,
}

const invalidRequests: readonly Request[] = [
  { ...servingRequest(other, 'serving-for-another-node') },
  { ...serving, name: 'serving-for-another-name', names: `DNS:${fqdn},DNS:${other.name}.${domain}` },
  { ...serving, name: 'serving-for-the-api', names: `DNS:${fqdn},DNS:api.${domain}` },
  { ...serving, name: 'serving-for-another-address', names: `DNS:${fqdn},IP:${other.address}` },
  {
    ...serving,
    name: 'serving-for-clients-too',
    usages: ['digital signature', 'server auth', 'client auth'],
  },
  { ...serving, name: 'serving-as-a-client', signer: clientSigner },
  {
    ...client,
    name: 'client-of-another-node',
    subject: `/O=system:nodes/CN=system:node:${other.name}.${domain}`,
  },
  { ...client, name: 'client-of-an-administrator', subject: '/O=system:masters/CN=system:admin' },
  { ...client, name: 'client-in-another-group', subject: `/O=system:masters/CN=system:node:${fqdn}` },
  {
    ...client,
    name: 'client-in-two-groups',
    subject: `/O=system:nodes/O=system:masters/CN=system:node:${fqdn}`,
  },
  { ...client, name: 'client-of-an-undeclared-node', subject: `/O=system:nodes/CN=system:node:w9.${domain}` },
  { ...serving, name: 'serving-for-ten-years', expirationSeconds: 315_360_000 },
  { ...client, name: 'client-with-names', names: `DNS:${fqdn}` },
  { ...client, name: 'client-of-another-signer', signer: 'kubernetes.io/kube-apiserver-client' },
]

export const csrChecks: readonly Check<RealRig>[] = [
  {
    name: "real: invalid requests with a node's real credentials stay pending, and valid ones are approved",
    limitMs: 180_000,
    async run(rig) {
      const config = credentialsFile(rig)
      const accepted: string[] = []
      for (const request of invalidRequests) {
        if (await create(rig, config, request)) accepted.push(request.name)
      }
      expect(accepted.length >= 5, `the API server accepted only ${accepted.join(', ')}`)
      for (const request of [
        { ...serving, name: 'own-serving' },
        { ...client, name: 'own-client' },
      ]) {
        expect(await create(rig, config, request), `the API server refused ${request.name}`)
      }
      const servingMs = await waitForApproval(rig, 'own-serving', 60_000)
      // The controller manager approves this one.
      await pollUntil('the approval of own-client', async () => {
        return !(await pendingRequests(rig)).includes('own-client')
      })
      await sleep(5000)
      const pending = new Set(await pendingRequests(rig))
      const approved = accepted.filter((name) => !pending.has(name))
      expectEqual(approved.join(), '', 'approved requests that are invalid')
      const listed = await rig.slipway('csr', 'list')
      for (const name of accepted) {
        expect(listed.includes(name), `slipway csr list does not have ${name}:\n${listed}`)
      }
      await rig.controlPlane.kubectl('delete', 'csr', ...pending)
      return `${accepted.length} stay pending, the API server refused ${invalidRequests.length - accepted.length}; a renewal took ${(servingMs / 1000).toFixed(1)} s`
    },
  },
]

/** Reads the client certificate of a kubelet from the disk of its machine, which is off, and saves it for {@link csrChecks}. */
export async function saveCredentials(rig: RealRig, machine: Machine): Promise<void> {
  const debugfs = (request: string): Promise<string> =>
    output(['debugfs', '-R', request, `${machine.disk}?offset=${rootOffset}`])
  const directory = '/var/lib/kubelet/pki'
  const names = [...(await debugfs(`ls -p ${directory}`)).matchAll(/(kubelet-client-\d[^/]*\.pem)/g)]
  const name = names
    .map(([, each = '']) => each)
    .sort()
    .at(-1)
  if (name === undefined)
    throw new Unexpected(`the disk of ${machine.node.name} has no certificate of its kubelet`)
  const pem = Buffer.from(await debugfs(`cat ${directory}/${name}`)).toString('base64')
  const user = { 'client-certificate-data': pem, 'client-key-data': pem }
  const text = await kubeconfig('127.0.0.1', rig.controlPlane.authority.certificate, user)
  await writeFile(credentialsFile(rig), text, { mode: 0o600 })
}

function credentialsFile({ dir }: RealRig): string {
  return join(dir, `${own.name}.kubeconfig`)
}

/**
 * Creates a request with the credentials of the node.
 *
 * @returns whether the API server accepted it: its admission plug-in NodeRestriction refuses the names of other nodes
 */
async function create(rig: RealRig, config: string, request: Request): Promise<boolean> {
  const input = JSON.stringify(await requestObject(rig, request))
  const command = rig.controlPlane.kubectlCommand(['--kubeconfig', config, 'create', '-f', '-'])
  const { status, stderr } = await run(command, { input, limitMs: 60_000 })
  if (status === 0) return true
  expectMatch(stderr, /can only create a node CSR with CN=/, `kubectl create (${request.name})`)
  return false
}
