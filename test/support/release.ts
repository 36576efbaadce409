/** A small release of CoreOS on a loopback server that can be told to misbehave, and the documents that describe it. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Answers one request in place of the server's honest way; called with the request's number for this path. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, times: number) => boolean

export type FileServer = {
  readonly base: string
  /** Keys are paths. */
  readonly files: Map<string, Buffer>
  readonly misbehave: Map<string, Misbehaviour>
  /** `GET /kernel`, with `bytes=…` where a range was asked for. */
  readonly asked: string[]
  /** Some servers know GET only. */
  refusesHead: boolean
}

export function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Serves files whole or in part, with strong entity tags, as mirrors do. */
export async function fileServer(
  t: Test,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<FileServer> {
  const contents = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))
  const misbehave = new Map<string, Misbehaviour>()
  const asked: string[] = []
  const times = new Map<string, number>()
  const service = { base: '', files: contents, misbehave, asked, refusesHead: false }
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    asked.push([method, url, ...(headers.range === undefined ? [] : [headers.range])].join(' '))
    if (method === 'HEAD' && service.refusesHead) return void response.writeHead(405).end()
    if (method === 'GET') times.set(url, (times.get(url) ?? 0) + 1)
    if (method === 'GET' && misbehave.get(url)?.(request, response, times.get(url) as number) === true) return
    const content = contents.get(url)
    if (content === undefined) return void response.writeHead(404).end()
    sendFile(request, response, content)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(service, { base: `http://127.0.0.1:${port}` })
}

/** What an honest server sends. */
export function sendFile(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
): void {
  const etag = `"${sha256(content).slice(0, 8)}"`
  const isCurrent = headers['if-range'] === undefined || headers['if-range'] === etag
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  response.setHeader('etag', etag)
  if (from >= content.length && isCurrent && from > 0) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const isPart = from > 0 && isCurrent
  const body = isPart ? content.subarray(from) : content
  response.setHeader('content-length', body.length)
  if (isPart) response.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`)
  response.writeHead(isPart ? 206 : 200).end(method === 'HEAD' ? undefined : body)
}

export const liveNames = {
  kernel: 'rhcos-417.94.202410090854-0-live-kernel-x86_64',
  initramfs: 'rhcos-417.94.202410090854-0-live-initramfs.x86_64.img',
  rootfs: 'rhcos-417.94.202410090854-0-live-rootfs.x86_64.img',
  iso: 'rhcos-417.94.202410090854-0-live.x86_64.iso',
  metal: 'rhcos-417.94.202410090854-0-metal.x86_64.raw.gz',
} as const

/** `/KIND-ARCH` is what each file says in its own small way. */
export function liveFiles(architecture = 'x86_64'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(liveNames).map(([part, name]) => [
      `/${renamed(name, architecture)}`,
      `${part} for ${architecture} `.repeat(200),
    ]),
  )
}

function renamed(name: string, architecture: string): string {
  return name.replaceAll('x86_64', architecture)
}

/** As `openshift-install coreos print-stream-json` prints it; including an architecture that no test boots. */
export function streamDocument(base: string, architectures: readonly string[] = ['x86_64']) {
  const release = '417.94.202410090854-0'
  const artifact = (architecture: string, part: keyof typeof liveNames) => {
    const name = renamed(liveNames[part], architecture)
    const content = liveFiles(architecture)[`/${name}`] as string
    return { location: `${base}/${name}`, signature: `${base}/${name}.sig`, sha256: sha256(content) }
  }
  const entry = (architecture: string) => ({
    artifacts: {
      metal: {
        release,
        formats: {
          '4k.raw.gz': { disk: { ...artifact(architecture, 'metal'), location: `${base}/metal4k` } },
          iso: { disk: artifact(architecture, 'iso') },
          pxe: {
            kernel: artifact(architecture, 'kernel'),
            initramfs: artifact(architecture, 'initramfs'),
            rootfs: artifact(architecture, 'rootfs'),
          },
          'raw.gz': { disk: { ...artifact(architecture, 'metal'), 'uncompressed-sha256': 'f'.repeat(64) } },
        },
      },
      openstack: { release, formats: { 'qcow2.gz': { disk: { location: 'none', sha256: 'none' } } } },
    },
    images: { aws: { regions: {} } },
  })
  return {
    stream: 'rhcos-4.17',
    metadata: { 'last-modified': '2024-10-09T09:16:00Z', generator: 'plume cosa2stream 11011a9' },
    architectures: {
      ...Object.fromEntries(architectures.map((each) => [each, entry(each)])),
      s390x: { artifacts: { aws: {} } },
    },
  }
}

/** The rhcos.json of OpenShift 4.5. */
export function buildDocument(base: string) {
  const file = (path: string, content: string) => ({ path, sha256: sha256(content) })
  return {
    amis: { 'eu-west-1': { hvm: 'ami-0d2e5d86e80ef2bd4' } },
    baseURI: `${base}/45.82.202008010929-0/x86_64/`,
    buildid: '45.82.202008010929-0',
    images: {
      initramfs: file('rhcos-45.82.202008010929-0-installer-initramfs.x86_64.img', 'initramfs'),
      iso: file('rhcos-45.82.202008010929-0-installer.x86_64.iso', 'iso'),
      kernel: file('rhcos-45.82.202008010929-0-installer-kernel-x86_64', 'kernel'),
      metal: { ...file('rhcos-45.82.202008010929-0-metal.x86_64.raw.gz', 'metal'), size: 5 },
      qemu: { path: 'rhcos-45.82.202008010929-0-qemu.x86_64.qcow2.gz' },
    },
    oscontainer: { digest: 'sha256:b1a8', image: 'quay.io/openshift-release-dev/ocp-v4.0-art-dev' },
    'ostree-version': '45.82.202008010929-0',
  }
}
