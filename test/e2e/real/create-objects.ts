/**
 * Creates many objects in the API server. Runs in the namespace of the control plane as
 * `node create-objects.ts CERTIFICATES NODES REQUESTS PEM`: nodes, and certificate requests with the same content.
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

const [certificates = '', nodeCount = '', requestCount = '', pemFile = ''] = process.argv.slice(2)
const read = (name: string): Buffer => readFileSync(`${certificates}/${name}`)
const agent = new Agent({
  keepAlive: true,
  maxSockets: 12,
  ca: read('ca.crt'),
  cert: read('admin.crt'),
  key: read('admin.key'),
})
const pem = readFileSync(pemFile).toString('base64')

const requests = Array.from({ length: Number(requestCount) }, (_, index) => ({
  path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
  object: {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: `many-${index}`, labels: { many: 'yes' } },
    spec: {
      request: pem,
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
    },
  },
}))
const nodes = Array.from({ length: Number(nodeCount) }, (_, index) => ({
  path: '/api/v1/nodes',
  object: { apiVersion: 'v1', kind: 'Node', metadata: { name: `many-${index}`, labels: { many: 'yes' } } },
}))

const statuses = await Promise.all([...nodes, ...requests].map(({ path, object }) => post(path, object)))
const failed = statuses.filter((status) => status !== 201)
console.log(`${statuses.length - failed.length} created, ${failed.length} failed`)
process.exit(failed.length === 0 ? 0 : 1)

function post(path: string, object: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(object)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(
      { agent, host: '127.0.0.1', port: 6443, path, method: 'POST', headers },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
