/** curl against the HTTP server: images whole and in part, scripts, Ignition files, and what is not to be had. */
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { nodes, sha256 } from '../site.ts'
import { control } from './control.ts'
import { settleClient } from './client.ts'

const base = `http://${addresses.server}`

export const httpChecks: readonly Check[] = [
  {
    name: 'http: HEAD and GET of the rootfs agree with the file',
    async run(rig) {
      await settleClient(rig)
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
    name: 'http: parts of the rootfs (Range, If-Range), and none of it when it did not change (304)',
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
    name: "http: a node's script names URLs that lead to its files, and its Ignition file is refused to others",
    async run(rig) {
      const asked = [nodes.bs, nodes.m2, nodes.w2]
      // They were booted before, and would be sent to their disks.
      await control(rig, 'node', 'forget', ...asked.map(({ name }) => name))
      for (const node of asked) {
        const url = `${base}/boot/ocp45/${node.name}/boot.ipxe`
        const refused = await curl(rig, url)
        expectEqual(refused.header('slipway-code'), 'boot.not-the-node', 'refusal')
        // A client on the server gets a preview.
        const script = (await rig.at('server', ['curl', '-sS', url])).stdout
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
    name: 'http: a boot loader has its length on HEAD and GET, its type, and no redirect',
    async run(rig) {
      const loader = await readFile('/usr/lib/ipxe/ipxe.efi')
      for (const words of [['--head'], []]) {
        const { status, header, body } = await curl(rig, ...words, `${base}/loaders/efi/ipxe.efi`)
        expectEqual(status, 200, 'status')
        expectEqual(header('content-length'), String(loader.length), 'content-length')
        expectEqual(header('content-type'), 'application/efi', 'content-type')
        if (words.length === 0) expectEqual(sha256(body), sha256(loader), 'SHA-256')
      }
      return undefined
    },
  },
  {
    name: 'http: eight machines at once get the whole rootfs each',
    async run(rig) {
      const digest = sha256(await readFile(rig.payload.rootfs))
      const startedAt = performance.now()
      const bodies = await Promise.all(Array.from({ length: 8 }, () => curl(rig, rootfsUrl(rig))))
      for (const { body } of bodies) expectEqual(sha256(body), digest, 'SHA-256')
      return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
    },
  },
  {
    name: 'http: nothing outside, no dotfile, no redirect, no other method; health says what it serves',
    async run(rig) {
      for (const path of [
        '/images/rhcos-4.17/../../site.yaml',
        '/images/rhcos-4.17/%2e%2e%2f%2e%2e%2fsite.yaml',
        '/images/rhcos-4.17/.hidden',
        '/images/rhcos-4.17',
        '/images/rhcos-4.17/',
        '/images/rhcos-9/kernel',
        '/boot/ocp45/nobody/boot.ipxe',
        '/etc/passwd',
      ]) {
        const { status, body } = await curl(rig, '--path-as-is', base + path)
        expectEqual(status, 404, path)
        expectNoMatch(body.toString(), /root:|clusters:/, path)
      }
      const posted = await curl(rig, '-X', 'POST', rootfsUrl(rig))
      expect(posted.status === 404 || posted.status === 405, `POST got ${posted.status}`)
      const short = await curl(rig, `${base}/health`)
      expectMatch(short.body.toString(), /^\{"status":"ok"\}$/, 'health for other clients')
      const health = await rig.at('server', ['curl', '-sS', `${base}/health`])
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

async function curl(rig: Rig, ...words: string[]): Promise<Response> {
  downloads++
  const [heads, bodyFile] = [join(rig.dir, `curl.${downloads}.head`), join(rig.dir, `curl.${downloads}.body`)]
  const output = words.includes('--head') ? ['-o', '/dev/null'] : ['-o', bodyFile]
  const ended = await rig.at('client', ['curl', '-sS', '-m', '20', '-D', heads, ...output, ...words])
  expectEqual(ended.status, 0, `curl ${words.join(' ')} (${ended.stderr.trim()})`)
  const text = await readFile(heads, 'latin1')
  const body = await readFile(bodyFile).catch(() => Buffer.alloc(0))
  await rm(bodyFile, { force: true })
  await rm(heads)
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
