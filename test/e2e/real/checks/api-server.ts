/**
 * The API server fails in the ways that administrators cause: it is killed, its data is restored from a snapshot, its
 * certificate comes from another CA, and slipway may do less than its manifest says. The nodes are Ready before.
 */
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectMatch, expectNoMatch } from '../../expect.ts'
import type { Check } from '../../runner.ts'
import { apiServerNames, createAuthority, createCertificate } from '../certificates.ts'
import { domain, nodes } from '../network.ts'
import type { RealRig } from '../rig.ts'
import { pollUntil } from './cluster.ts'
import { createAsNode, pendingRequests, servingRequest, waitForApproval } from './requests.ts'

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

export const apiServerChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: a renewal of a serving certificate is approved',
    limitMs: 60_000,
    async run(rig) {
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'renewal'))
      return `after ${seconds(await waitForApproval(rig, 'renewal'))}`
    },
  },
  {
    name: 'real: the API server is killed and starts again: the next request is approved',
    limitMs: 180_000,
    async run(rig) {
      const since = rig.server.lines.length
      await rig.controlPlane.stopApi('SIGKILL')
      await sleep(3000)
      await rig.controlPlane.startApi()
      const restartedAt = performance.now()
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'after-restart'))
      await waitForApproval(rig, 'after-restart', 60_000)
      const log = textSince(rig, since)
      expectNoMatch(log, /too old resource version/, "slipway's log")
      return `${seconds(performance.now() - restartedAt)} after the API server was ready`
    },
  },
  {
    name: 'real: etcd is restored from a snapshot: slipway reads everything again',
    limitMs: 240_000,
    async run(rig) {
      const { controlPlane } = rig
      const snapshot = join(rig.dir, 'etcd.snapshot')
      await controlPlane.saveEtcd(snapshot)
      // Exists only after the snapshot. slipway lists it, and must not after the restoration.
      await createAsNode(rig, nodes.w1, {
        ...servingRequest(nodes.w1, 'lost-by-the-restoration'),
        names: `DNS:other.${domain}`,
      })
      // The resource version of the snapshot is far behind.
      for (let count = 0; count < 30; count++) {
        await controlPlane.kubectl('annotate', 'namespace', 'default', `count=${count}`, '--overwrite')
      }
      await pollUntil('slipway to list the request', async () =>
        (await rig.slipway('csr', 'list')).includes('lost-by-the-restoration'),
      )
      await controlPlane.stopManager()
      await controlPlane.stopApi()
      await controlPlane.restoreEtcd(snapshot)
      await controlPlane.startApi()
      controlPlane.startManager()
      const restoredAt = performance.now()
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'after-restoration'))
      await waitForApproval(rig, 'after-restoration', 90_000)
      const approvedMs = performance.now() - restoredAt
      expect(
        !(await pendingRequests(rig)).includes('lost-by-the-restoration'),
        'the snapshot has the request',
      )
      await pollUntil(
        'slipway to forget the request that no longer exists',
        async () => !(await rig.slipway('csr', 'list')).includes('lost-by-the-restoration'),
        60_000,
      )
      return `approved ${seconds(approvedMs)} after the API server was ready`
    },
  },
  {
    name: 'real: the API server gets a certificate of another CA: slipway names the cause, and a new kubeconfig resolves it',
    limitMs: 240_000,
    async run(rig) {
      const { controlPlane, site } = rig
      const { dir, authority } = controlPlane
      const rotated = await createAuthority(dir, 'rotated-ca')
      for (const extension of ['crt', 'key']) {
        await copyFile(join(dir, `apiserver.${extension}`), join(dir, `apiserver-before.${extension}`))
      }
      const before = await readFile(site.kubeconfigPath, 'utf8')
      await createCertificate(dir, rotated, {
        name: 'apiserver',
        subject: '/CN=kube-apiserver',
        names: apiServerNames,
      })
      await controlPlane.stopApi()
      await controlPlane.startApi()
      await pollUntil(
        'slipway to report the CA',
        async () => /certificate/.test(await problemOf(rig)),
        90_000,
      )
      const problem = await problemOf(rig)
      expectMatch(problem, /the authority was rotated/, 'slipway status')
      const text = JSON.parse(before) as { clusters: { cluster: Record<string, string> }[] }
      const both = [authority.certificate, rotated.certificate].map((file) => readFile(file, 'utf8'))
      const bundle = Buffer.from((await Promise.all(both)).join('')).toString('base64')
      for (const { cluster } of text.clusters) cluster['certificate-authority-data'] = bundle
      await writeFile(site.kubeconfigPath, JSON.stringify(text), { mode: 0o600 })
      await pollUntil(
        'slipway to reach the API server again',
        async () => (await problemOf(rig)) === '',
        60_000,
      )
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'after-rotation'))
      await waitForApproval(rig, 'after-rotation', 60_000)
      for (const extension of ['crt', 'key']) {
        await copyFile(join(dir, `apiserver-before.${extension}`), join(dir, `apiserver.${extension}`))
      }
      await controlPlane.stopApi()
      await controlPlane.startApi()
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'after-rotation-back'))
      await waitForApproval(rig, 'after-rotation-back', 60_000)
      return problem
    },
  },
  {
    name: 'real: a missing permission is reported with its verb and resource',
    limitMs: 180_000,
    async run(rig) {
      const { controlPlane } = rig
      const role = await controlPlane.kubectl('get', 'clusterrole', 'slipway', '-o', 'json')
      const full = JSON.parse(role) as { rules: { resources: string[]; verbs: string[] }[]; metadata: object }
      const reduced = full.rules.filter(({ resources }) => !resources.includes('signers'))
      const patch = (rules: object): Promise<string> =>
        controlPlane.kubectl(
          'patch',
          'clusterrole',
          'slipway',
          '--type=merge',
          '-p',
          JSON.stringify({ rules }),
        )
      await patch(reduced)
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'without-permission'))
      let problem = ''
      try {
        await pollUntil(
          'slipway to report the missing permission',
          async () => (problem = await reasonOf(rig, 'without-permission')).includes('slipway render rbac'),
          30_000,
        )
      } finally {
        await patch(full.rules)
      }
      expectMatch(
        problem,
        /update certificatesigningrequests\/approval.*approve its signer/,
        'slipway csr list',
      )
      await waitForApproval(rig, 'without-permission', 90_000)
      return problem
    },
  },
]

function textSince({ server }: RealRig, since: number): string {
  return server.lines
    .slice(since)
    .map(({ text }) => text)
    .join('\n')
}

/** Returns the problem with the cluster that slipway reports; empty if there is none. */
async function problemOf(rig: RealRig): Promise<string> {
  const { clusters } = JSON.parse(await rig.slipway('status', '--json')) as {
    clusters: { trouble?: string }[]
  }
  return clusters.map(({ trouble = '' }) => trouble).join('')
}

/** Returns why slipway leaves a request pending. */
async function reasonOf(rig: RealRig, name: string): Promise<string> {
  const clusters = JSON.parse(await rig.slipway('csr', 'list', '--json')) as {
    requests: { name: string; reason: string }[]
  }[]
  return clusters.flatMap(({ requests }) => requests).find((each) => each.name === name)?.reason ?? ''
}
