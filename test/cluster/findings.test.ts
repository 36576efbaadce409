import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kubeconfigFindings } from '../../src/cluster/findings.ts'
import { kubeconfigText } from '../support/api-server.ts'
import { makeAuthority } from '../support/certificates.ts'
import { declaredCluster } from '../support/cluster.ts'

const authority = makeAuthority()
const text = (server: string) => kubeconfigText(server, authority, { token: 'sha256~token' })

t.test(
  'a kubeconfig that is counted on has to be there and be right; another one may not be there yet',
  (t) => {
    const folder = t.testdir({ auth: {} })
    const path = join(folder, 'auth/kubeconfig')
    const cluster = { ...declaredCluster(), ignition: folder }
    const say = (change: object = {}) =>
      kubeconfigFindings([{ ...cluster, ...change }], Date.now()).map(
        ({ severity, about, message }) => `${severity}: ${about}: ${message.replaceAll(folder, 'FOLDER')}`,
      )
    const said = (reason: string) => [
      `warning: cluster c1: it cannot be asked, so nothing of it is followed: ${reason}`,
    ]
    const noFile = said(
      'there is no kubeconfig FOLDER/auth/kubeconfig; `openshift-install create ignition-configs` writes it to auth/kubeconfig',
    )
    t.same(say(), [])
    t.same(say({ approve: 'declared' }), noFile)
    t.same(say({ kubeconfig: path }), noFile)
    t.same(say({ ignition: undefined }), [])
    t.same(
      say({ ignition: undefined, approve: 'dry-run' }),
      said(
        'nothing says how to ask the cluster c1: name its kubeconfig as clusters[].kubeconfig in the site',
      ),
    )
    writeFileSync(path, text('https://api.c2.example.net:6443'))
    t.same(
      say(),
      said(
        'the kubeconfig FOLDER/auth/kubeconfig is for api.c2.example.net:6443, expected api.c1.example.net: it is of another cluster',
      ),
    )
    writeFileSync(path, text('https://api.c1.example.net:6443'))
    t.same(say({ approve: 'declared' }), [])
    t.end()
  },
)
