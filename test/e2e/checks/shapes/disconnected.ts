/**
 * A disconnected site: `slipway preflight --install-config` against a real registry with TLS and passwords, in a network
 * namespace without a route to other machines.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual } from '../../expect.ts'
import { createNamespaces } from '../../namespaces.ts'
import { output, run, start } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { slipway } from '../../server.ts'
import { waitUntil } from '../client.ts'

const registry = '127.0.0.1:5443'

export const disconnectedChecks: readonly Check[] = [
  {
    name: 'shapes: preflight finds what is wrong with the mirror registry of a disconnected site',
    limitMs: 60_000,
    async run(rig) {
      const dir = join(rig.dir, 'disconnected')
      const at = (name: string): string => join(dir, name)
      await mkdir(dir, { recursive: true })
      await certificate(at, 'right', 'IP:127.0.0.1')
      await certificate(at, 'other', 'DNS:mirror.example.net')
      await writeFile(at('htpasswd'), await output(['htpasswd', '-Bbn', 'user', 'pass']))
      await writeFile(at('site.yaml'), site)
      const namespaces = await createNamespaces(['mirror'])
      const inside = (...command: string[]) => namespaces.inside('mirror', ...command)
      const serve = async (pair: string) => {
        await writeFile(at('registry.yaml'), registryConfig(at, pair))
        const server = start(inside('docker-registry', 'serve', at('registry.yaml')), {
          logFile: at('registry.log'),
        })
        const ready = inside('curl', '-sk', '-o', '/dev/null', `https://${registry}/v2/`)
        await waitUntil('the registry to answer', async () => (await run(ready)).status === 0)
        return server
      }
      const codes = async (trusted: string, password: string): Promise<string> => {
        const ca = await output(['cat', at(`${trusted}.crt`)])
        await writeFile(at('install-config.yaml'), installConfig(ca, password))
        const options = ['--json', '--install-config', at('install-config.yaml'), '--site', at('site.yaml')]
        const { stdout } = await run(inside(...slipway('preflight', ...options)))
        const { checks } = JSON.parse(stdout) as {
          checks: { check: string; status: string; code?: string }[]
        }
        return checks
          .filter(({ check }) => check === 'mirrors')
          .map(({ code, status }) => code ?? status)
          .join()
      }
      try {
        let server = await serve('right')
        const empty = 'preflight.mirror-incomplete,preflight.mirror-incomplete'
        expectEqual(await codes('right', 'pass'), empty, 'an empty registry')
        for (const path of ['ocp/release-images', 'ocp/release']) await push(inside, at, path)
        expectEqual(await codes('right', 'pass'), 'ok', 'a registry with the repositories')
        expectEqual(await codes('right', 'wrong'), 'preflight.pull-secret-refused', 'another password')
        expectEqual(await codes('other', 'pass'), 'preflight.registry-certificate', 'another CA')
        await server.stop()
        expectEqual(await codes('right', 'pass'), 'preflight.mirror-unreachable', 'no registry')
        server = await serve('other')
        expectEqual(await codes('other', 'pass'), 'preflight.registry-certificate', 'another name')
        await server.stop()
      } finally {
        await namespaces.close()
      }
      return 'docker-registry: 6 states'
    },
  },
]

type At = (name: string) => string

async function certificate(at: At, name: string, subject: string): Promise<void> {
  await output([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`), '-days', '90', '-subj', `/CN=${name}`],
    ...['-addext', `subjectAltName=${subject}`],
  ])
}

/** Pushes an image without layers, which is enough for the repository to exist. */
async function push(inside: (...command: string[]) => string[], at: At, path: string): Promise<void> {
  const curl = (...args: string[]) =>
    output(inside('curl', '-sS', '--fail', '--cacert', at('right.crt'), '-u', 'user:pass', ...args))
  const base = `https://${registry}/v2/${path}`
  await writeFile(at('config.json'), '{}')
  const digest = `sha256:${(await output(['sha256sum', at('config.json')])).slice(0, 64)}`
  const headers = await curl('-X', 'POST', '-D', '-', '-o', '/dev/null', `${base}/blobs/uploads/`)
  const location = /^location: (\S+)/im.exec(headers)?.[1]
  expect(location !== undefined, `the registry starts no upload:\n${headers}`)
  await curl(
    '-T',
    at('config.json'),
    '-H',
    'content-type: application/octet-stream',
    `${location}&digest=${digest}`,
  )
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2, digest }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] })
  await curl('-X', 'PUT', '-H', `content-type: ${mediaType}`, '--data', manifest, `${base}/manifests/4.17`)
}

const registryConfig = (at: At, pair: string) => `
version: 0.1
storage: { filesystem: { rootdirectory: ${at('storage')} } }
http: { addr: "${registry}", tls: { certificate: ${at(`${pair}.crt`)}, key: ${at(`${pair}.key`)} } }
auth: { htpasswd: { realm: mirror, path: ${at('htpasswd')} } }
`

function installConfig(trusted: string, password: string): string {
  const auth = Buffer.from(`user:${password}`).toString('base64')
  return JSON.stringify({
    baseDomain: 'example.net',
    pullSecret: JSON.stringify({ auths: { [registry]: { auth } } }),
    additionalTrustBundle: trusted,
    imageDigestSources: [
      { source: 'quay.io/openshift-release-dev/ocp-release', mirrors: [`${registry}/ocp/release-images`] },
      { source: 'quay.io/openshift-release-dev/ocp-v4.0-art-dev', mirrors: [`${registry}/ocp/release`] },
    ],
  })
}

const site = `
site: disconnected
server: { address: 127.0.0.1 }
subnets: [{ cidr: 192.0.2.0/24 }]
images: { rhcos: { dir: images } }
clusters:
  - name: ocp
    domain: example.net
    image: rhcos
    ignition: ignition
    disk: /dev/sda
    loadBalancer: { api: 192.0.2.3, ingress: 192.0.2.3 }
    nodes: [{ name: m1, role: master, mac: "52:54:00:00:00:01", address: 192.0.2.11 }]
`
