/** HTTP with curl: complete images and ranges, scripts, Ignition files, and requests that get an error. */
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { nodes, sha256 } from '../site.ts'
import { control } from './control.ts'
import { addClientAddress } from './client.ts'

const base = `http://${addresses.server}`

export const httpChecks: readonly Check[] = [
  {
    name: 'http: HEAD and GET of the rootfs match the file',
    async run(rig) {
      await addClientAddress(rig)
      const rootfs = await readFile(rig.payload.rootfs)
      const head = await curl(rig, '--head', rootfsUrl(rig))
      expectEqual(head.status, 200, 'HEAD')
      expectEqual(head.header('content-length'), String(rootfs.length), 'content-length of HEAD')
      expectEqual(head.header('accept-ranges'), 'bytes', 'accept-ranges')
      expect(head.header('etag') !== undefined, 'HEAD has no etag')
      expect(head.header('last-modified') !== undefined, 'HEAD has no last-modified')
      const get = await curl(rig, rootfsUrl(rig))
      expectEqual(get.header('content-length'), String(rootfs.length), 'content-length of GET')
      expectEqual(sha256(get.body), sha256(rootfs), 'SHA-256')
      return `${rootfs.length / 1024 / 1024} MiB in ${get.durationMs.toFixed(0)} ms`
    },
  },
  {
    name: 'http: ranges of the rootfs (Range, If-Range), and 304 if it has not changed',
    async run(rig) {
      const rootfs = await readFile(rig.payload.rootfs)
      const etag = (await curl(rig, '--head', rootfsUrl(rig))).header('etag') ?? ''
      const parts = [
        ['0-99', 0, 100],
        ['1000000-1999999', 1_000_000, 2_000_000],
        ['-500', rootfs.length - 500, rootfs.length],
        [`${rootfs.length - 10}-`, rootfs.length - 10, rootfs.length],
      ] as const
      for (const [range, from, to] of parts) {
        const part = await curl(rig, '-r', range, '-H', `If-Range: ${etag}`, rootfsUrl(rig))
        expectEqual(part.status, 206, `range ${range}`)
        expectEqual(
          part.header('content-range'),
          `bytes ${from}-${to - 1}/${rootfs.length}`,
          `range ${range}`,
        )
        expectEqual(sha256(part.body), sha256(rootfs.subarray(from, to)), `octets of range ${range}`)
      }
      const changed = await curl(rig, '-r', '0-99', '-H', 'If-Range: "another"', rootfsUrl(rig))
      expectEqual(
        `${changed.status} ${changed.body.length}`,
        `200 ${rootfs.length}`,
        'If-Range of another file',
      )
      const beyond = await curl(rig, '-r', `${rootfs.length}-`, rootfsUrl(rig))
      expectEqual(beyond.status, 416, 'a range beyond the end')
      expectEqual(
        (await curl(rig, '-H', `If-None-Match: ${etag}`, rootfsUrl(rig))).status,
        304,
        'If-None-Match',
      )
      return undefined
    },
  },
  {
    name: "http: the URLs in a node's script exist, and its Ignition file is refused to others",
    async run(rig) {
      const selected = [nodes.bs, nodes.m2, nodes.w2]
      // They may have been installed by earlier checks, and would boot from their disks.
      await control(rig, 'node', 'forget', ...selected.map(({ name }) => name))
      for (const node of selected) {
        const url = `${base}/boot/ocp45/${node.name}/boot.ipxe`
        const refused = await curl(rig, url)
        expectEqual(refused.header('slipway-code'), 'boot.not-the-node', 'refusal')
        // A client on the server gets a preview.
        const script = (await rig.run('server', ['curl', '-sS', url])).stdout
        expectMatch(script, /^#!ipxe\n/, 'first line')
        const ignition = expectMatch(script, / coreos\.inst\.ignition_url=(\S+)/, 'script')[1] ?? ''
        expectEqual((await curl(rig, ignition)).status, 403, `${node.role}.ign of ${node.name}`)
        for (const [, url = ''] of script.matchAll(/(http:\/\/\S+-live-\S+)/g)) {
          expectEqual((await curl(rig, '--head', url)).status, 200, url)
        }
      }
      return undefined
    },
  },
  {
    name: 'http: HEAD and GET of a boot loader have its length and type, without a redirect',
    async run(rig) {
      const loader = await readFile('/usr/lib/ipxe/ipxe.efi')
      for (const options of [['--head'], []]) {
        const { status, header, body } = await curl(rig, ...options, `${base}/loaders/efi/ipxe.efi`)
        expectEqual(status, 200, 'status')
        expectEqual(header('content-length'), String(loader.length), 'content-length')
        expectEqual(header('content-type'), 'application/efi', 'content-type')
        if (options.length === 0) expectEqual(sha256(body), sha256(loader), 'SHA-256')
      }
      return undefined
    },
  },
  {
    name: 'http: a half-closed HTTP/1.0 connection gets the whole file, with field names as GRUB compares them',
    async run(rig) {
      const loader = await readFile('/usr/lib/ipxe/ipxe.efi')
      await addClientAddress(rig)
      const into = join(rig.dir, 'http.nc')
      const request = 'GET /loaders/efi/ipxe.efi HTTP/1.0\\r\\n\\r\\n'
      const nc = `printf '${request}' | timeout 20 ${rig.payload.busybox} nc ${addresses.server} 80 > ${into}`
      const { stderr } = await rig.run('client', ['sh', '-c', nc])
      const response = await readFile(into)
      const end = response.indexOf('\r\n\r\n')
      const header = response.toString('latin1', 0, end)
      for (const name of ['Content-Length', 'Content-Type', 'Cache-Control', 'Connection']) {
        expectMatch(header, new RegExp(`^${name}: `, 'm'), `the header (${stderr.trim()})`)
      }
      expectEqual(sha256(response.subarray(end + 4)), sha256(loader), 'SHA-256')
      const head = await curl(rig, '--head', rootfsUrl(rig))
      const etag = head.header('etag') ?? ''
      const weak = await curl(rig, '-r', '4-7', '-H', `If-Range: W/${etag}`, rootfsUrl(rig))
      expectEqual(weak.status, 200, 'If-Range with a weak tag (RFC 9110 §13.1.5)')
      await rm(into)
      return undefined
    },
  },
  {
    name: 'http: eight machines get the complete rootfs at the same time',
    async run(rig) {
      const digest = sha256(await readFile(rig.payload.rootfs))
      const startedAt = performance.now()
      const bodies = await Promise.all(Array.from({ length: 8 }, () => curl(rig, rootfsUrl(rig))))
      for (const { body } of bodies) expectEqual(sha256(body), digest, 'SHA-256')
      return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
    },
  },
  {
    name: 'http: files outside the images, dotfiles, directories, and other methods get an error; /health shows the site',
    async run(rig) {
      await addClientAddress(rig)
      for (const path of [
        '/images/rhcos-4.17/../../site.yaml',
        '/images/rhcos-4.17/%2e%2e%2f%2e%2e%2fsite.yaml',
        '/images/rhcos-4.17/.hidden',
        '/images/rhcos-4.17',
        '/images/rhcos-4.17/',
        '/images/rhcos-9/kernel',
        '/boot/ocp45/missing/boot.ipxe',
        '/etc/passwd',
      ]) {
        const { status, body } = await curl(rig, '--path-as-is', base + path)
        expectEqual(status, 404, path)
        expectNoMatch(body.toString(), /root:|clusters:/, path)
      }
      const posted = await curl(rig, '-X', 'POST', rootfsUrl(rig))
      expect(posted.status === 404 || posted.status === 405, `POST got ${posted.status}`)
      // Degraded while HAProxy does not run.
      const short = await curl(rig, `${base}/health`)
      expectMatch(short.body.toString(), /^\{"status":"(?:ok|degraded)"\}$/, 'health for other clients')
      const health = await rig.run('server', ['curl', '-sS', `${base}/health`])
      expectMatch(health.stdout, /"site": ?"e2e"/, 'health')
      return undefined
    },
  },
]

type Response = {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
  readonly durationMs: number
}

let downloads = 0

async function curl(rig: Rig, ...args: string[]): Promise<Response> {
  downloads++
  const [headerFile, bodyFile] = [
    join(rig.dir, `curl.${downloads}.head`),
    join(rig.dir, `curl.${downloads}.body`),
  ]
  const output = args.includes('--head') ? ['-o', '/dev/null'] : ['-o', bodyFile]
  const ended = await rig.run('client', ['curl', '-sS', '-m', '20', '-D', headerFile, ...output, ...args])
  expectEqual(ended.status, 0, `curl ${args.join(' ')} (${ended.stderr.trim()})`)
  const text = await readFile(headerFile, 'latin1')
  const body = await readFile(bodyFile).catch(() => Buffer.alloc(0))
  await rm(bodyFile, { force: true })
  await rm(headerFile)
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]),
    header: (name) => new RegExp(`^${name}: (.*?)\\r?$`, 'im').exec(text)?.[1],
    body,
    durationMs: ended.durationMs,
  }
}

function rootfsUrl(rig: Rig): string {
  return `${base}/images/${rig.site.image}/${basename(rig.payload.rootfs)}`
}
