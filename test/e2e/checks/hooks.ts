/**
 * Hooks of the guide's appliance: events of the site, of DHCP clients, and of a cluster reach a command, and an HTTPS
 * receiver on another machine. openssl verifies the signatures.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HookEvent } from '../../../src/serve/hooks/events.ts'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { guide as site } from '../guide-site.ts'
import { rackInterface } from '../network.ts'
import { output } from '../process.ts'
import { stub } from '../rig.ts'
import type { Check } from '../runner.ts'
import { waitUntil } from './client.ts'
import { untilFollowed, withGuide } from './csr.ts'
import { csrObject, csrsPath, servingRequest } from './csr-requests.ts'

/** In the order in which the check causes them. */
const events = ['site.changed', 'node.armed', 'machine.undeclared', 'csr.pending'] as const

type Received = { readonly headers: Readonly<Record<string, string>>; readonly body: string }

export const hookChecks: readonly Check[] = [
  {
    name: 'hooks: events of the site, of clients, and of the cluster reach a command and a signed webhook',
    limitMs: 180_000,
    run: withGuide(async (guide, rig) => {
      const dir = join(rig.dir, 'hooks')
      const at = (name: string): string => join(dir, name)
      await mkdir(dir, { recursive: true })
      const [receiver] = site.users
      await output([
        ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', at('tls.key'), '-out', at('tls.crt'), '-days', '1', '-subj', '/CN=receiver'],
        ...['-addext', `subjectAltName=IP:${receiver}`],
      ])
      const secret = (await output(['openssl', 'rand', '-base64', '32'])).trim()
      await writeFile(at('secret'), `whsec_${secret}\n`, { mode: 0o600 })
      const tls = [at('tls.key'), at('tls.crt')]
      const server = rig.start('user', 'webhook', [
        process.execPath,
        stub('webhook'),
        ...tls,
        receiver,
        at('webhook'),
      ])
      const names = `[${[...events, 'bootstrap.removed'].join(', ')}]`
      const hooks = `
hooks:
  chat: { events: ${names}, webhook: { url: "https://${receiver}:8443/T0/x", secretFile: ${at('secret')}, ca: ${at('tls.crt')} } }
  file: { events: ${names}, command: [/bin/sh, -c, 'cat >>"$0"', ${at('command')}] }
  hangs: { events: ${names}, command: [/bin/sleep, "600"], timeoutSeconds: 60 }
`
      const typesOf = (all: readonly HookEvent[]): string => [...new Set(all.map(({ type }) => type))].join()
      try {
        await untilFollowed(guide)
        await guide.reload({ edit: (text) => text + hooks })
        expectMatch(
          await guide.control('hooks', 'test', 'chat'),
          /^hook chat accepted the event: .*204/,
          'the test',
        )
        await guide.control('node', 'local', `${site.cluster}/w3`)
        await guide.control('node', 'install', `${site.cluster}/w3`)
        // HAProxy keeps the only server of the API.
        const { servers } = (await guide.condition()).haproxy
        const isKept = servers.filter(({ backend, isUp }) => backend === 'kubeapi' && isUp).length === 1
        await guide.control('cluster', 'bootstrap', 'out', site.cluster)
        await rig.run('rack', ['ip', 'link', 'set', rackInterface, 'address', '52:54:00:00:0e:77'])
        const options = ['-f', '-q', '-n', '-t', '2', '-T', '1', '-i', rackInterface, '-s', '/bin/true']
        await rig.run('rack', [rig.payload.busybox, 'udhcpc', ...options])
        await guide.cluster.put(
          csrsPath,
          await csrObject(dir, 'hook-csr', servingRequest('w9', '172.16.0.39')),
        )
        const isComplete = async (): Promise<boolean> => {
          const types = new Set(eventsOf(await linesOf(at('command'))).map(({ type }) => type))
          return events.every((type) => types.has(type))
        }
        await waitUntil('every event', isComplete, 45_000)
        const isDelivered = async (): Promise<boolean> =>
          (await linesOf(at('webhook'))).includes('csr.pending')
        await waitUntil('the last event at the receiver', isDelivered)
        const received = (await linesOf(at('webhook')))
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Received)
        for (const each of received) await expectSignature(dir, secret, each)
        const sent = received.map(({ body }) => JSON.parse(body) as HookEvent)
        expectEqual(
          typesOf(sent.filter(({ type }) => type !== 'hook.test')),
          typesOf(eventsOf(await linesOf(at('command')))),
          'the events of both hooks',
        )
        const isRemoved = sent.some(({ type }) => type === 'bootstrap.removed')
        expect(!isRemoved || !isKept, 'a bootstrap that was not drained is reported as removed')
        const list = await guide.control('hooks')
        expectMatch(list, /^hangs +\/bin\/sleep +0 delivered +[1-9]/m, 'the hook that hangs')
        expect(!list.includes('T0'), 'the path of the URL is printed')
        return `${received.length} signed requests`
      } finally {
        await guide.control('cluster', 'bootstrap', 'watch', site.cluster)
        await guide.reload()
        await server.stop()
      }
    }),
  },
]

function linesOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

function eventsOf(lines: string): HookEvent[] {
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as HookEvent)
}

/** Computes the signature with openssl, as docs/hooks.md describes. */
async function expectSignature(dir: string, secret: string, { headers, body }: Received): Promise<void> {
  const key = Buffer.from(secret, 'base64').toString('hex')
  const file = join(dir, 'signed')
  await writeFile(file, `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const command = `openssl dgst -sha256 -mac HMAC -macopt hexkey:${key} -binary "$0" | base64`
  const signature = (await output(['sh', '-c', command, file])).trim()
  expectEqual(headers['webhook-signature'], `v1,${signature}`, 'the signature')
}
