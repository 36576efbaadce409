/**
 * Certificate requests, created with openssl, of nodes that sent DHCP requests, on an API server behind the load
 * balancer. slipway approves valid requests promptly, even if the API server fails, and never approves others.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PendingCsrs } from '../../../src/cluster/csr/approver.ts'
import { expect, expectEqual, expectMatch, Unexpected } from '../expect.ts'
import { guideOf, type Guide } from '../guide.ts'
import { macOf, guide as site } from '../guide-site.ts'
import { rackInterface } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import type { RequestTimes } from '../stubs/cluster.ts'
import { waitUntil } from './client.ts'
import {
  clientRequest,
  csrObject,
  csrsPath,
  servingRequest,
  invalidRequests,
  type Request,
} from './csr-requests.ts'

const [w1, w2, w3] = site.workers.map((address, index) => ({ name: `w${index + 1}`, address })) as [
  Machine,
  Machine,
  Machine,
]
type Machine = { readonly name: string; readonly address: string }

/** The documented maximum. */
export const promptMs = 2000

export const csrChecks: readonly Check[] = [
  {
    name: 'csr: valid requests of nodes that were seen booting are approved within two seconds',
    limitMs: 60_000,
    run: withGuide(async (guide, rig) => {
      await guide.reload()
      await untilFollowed(guide)
      for (const node of [w1, w2]) await bootOnce(guide, rig, node)
      // A DHCP message alone is not a boot.
      await askAsIpxe(guide, rig, w3.name)
      const slowest = []
      slowest.push(await approved(guide, promptMs, 'w1-client', clientRequest(w1.name)))
      await guide.cluster.put('/api/v1/nodes', { metadata: { name: `${w1.name}.${site.domain}` } })
      slowest.push(await approved(guide, promptMs, 'w1-serving', servingRequest(w1.name, w1.address)))
      // Many nodes at the same time.
      const many = Array.from({ length: 8 }, (_, index) => index)
      slowest.push(
        ...(await Promise.all([
          approved(guide, promptMs, 'w2-client', clientRequest(w2.name)),
          ...many.map((index) =>
            approved(guide, promptMs, `w2-serving-${index}`, servingRequest(w2.name, w2.address)),
          ),
        ])),
      )
      return `${slowest.length} requests, the slowest after ${Math.max(...slowest)} ms`
    }),
  },
  {
    name: 'csr: every invalid request stays pending, with a reason',
    limitMs: 60_000,
    run: withGuide(async (guide) => {
      await untilFollowed(guide)
      const invalid = invalidRequests(w2, w1, w3)
      for (const { name, request } of invalid) {
        await guide.cluster.put(csrsPath, await csrObject(guide.dir, name, request))
      }
      // The minimum that the API server accepts.
      const spec = { signerName: 'kubernetes.io/kubelet-serving', request: 'AAAA' }
      await guide.cluster.put(csrsPath, { metadata: { name: 'minimal' }, spec })
      const all = [
        ...invalid,
        { name: 'minimal', reason: /^its request is not exactly one CERTIFICATE REQUEST in PEM$/ },
      ]
      const missing = async (): Promise<string> => {
        const names = new Set((await guide.csrs()).requests.map(({ name }) => name))
        return all
          .map(({ name }) => name)
          .filter((name) => !names.has(name))
          .join()
      }
      await waitUntil('all of them to be listed', async () => (await missing()) === '').catch(
        async (error: unknown) => {
          throw new Unexpected(`${(error as Error).message}; not listed: ${await missing()}`)
        },
      )
      await sleep(promptMs)
      const [listed] = JSON.parse(await guide.control('csr', 'list', '--json')) as PendingCsrs[]
      for (const { name, reason } of all) {
        const pending = listed?.requests.find((request) => request.name === name)
        expectMatch(pending?.reason ?? 'it is not listed', reason, name)
      }
      const names = new Set(all.map(({ name }) => name))
      const approvedNames = (await guide.cluster.certificateRequests()).filter(
        ({ name, approvedAt }) => names.has(name) && approvedAt !== undefined,
      )
      expectEqual(approvedNames.map(({ name }) => name).join(), '', 'invalid requests that were approved')
      return `${all.length} requests`
    }),
  },
  ...apiFailures().map(({ name, limitMs, provoke }): Check => ({
    name: `csr: a request is approved although ${name}`,
    run: withGuide(async (guide) => {
      await untilFollowed(guide)
      const csr = `w1-again-${name.replaceAll(/\W+/g, '-')}`
      await provoke(guide, csr)
      const ms = await approved(guide, limitMs, csr, servingRequest(w1.name, w1.address))
      return `after ${ms} ms, limit ${limitMs} ms`
    }),
  })),
]

type ApiFailure = {
  readonly name: string
  /** For the approval: the pauses of the API client (docs/decisions/0025) and one second. */
  readonly limitMs: number
  readonly provoke: (guide: Guide, csr: string) => Promise<void>
}

function apiFailures(): readonly ApiFailure[] {
  const approvalOf = (csr: string): string => `${csrsPath}/${csr}/approval`
  return [
    {
      name: 'the watch ends in the middle of an event',
      limitMs: 1500,
      async provoke({ cluster }) {
        await cluster.write(csrsPath, '{"type":"ADDED","object":{"metadata":{"na')
        await cluster.cut(csrsPath)
      },
    },
    {
      name: 'the resource version of the watch is too old (410)',
      limitMs: 2500,
      async provoke({ cluster }) {
        await cluster.compact()
        await cluster.cut(csrsPath)
      },
    },
    {
      name: 'an event is not JSON',
      limitMs: 1500,
      provoke: ({ cluster }) => cluster.write(csrsPath, 'garbage\n'),
    },
    {
      name: 'the request was changed in the meantime (409)',
      limitMs: 1500,
      provoke: ({ cluster }, csr) => cluster.refuse(approvalOf(csr), { status: 409, reason: 'Conflict' }),
    },
    {
      name: 'the server is busy (429, for a second)',
      limitMs: 2000,
      provoke({ cluster }, csr) {
        const headers = { 'retry-after': '1' }
        return cluster.refuse(approvalOf(csr), { status: 429, reason: 'TooManyRequests', headers })
      },
    },
    {
      name: 'the server fails twice (500)',
      limitMs: 2500,
      provoke: ({ cluster }, csr) =>
        cluster.refuse(approvalOf(csr), { status: 500, reason: 'InternalError' }, 2),
    },
  ]
}

export function withGuide(run: (guide: Guide, rig: Rig) => Promise<string | undefined>): Check['run'] {
  return async (rig) => {
    const guide = await guideOf(rig)
    try {
      return await run(guide, rig)
    } catch (error) {
      throw new Unexpected(
        `${(error as Error).message}\nlog of the guide's appliance:\n${guide.server.tail(12)}`,
      )
    }
  }
}

/** The API is behind HAProxy, whose health checks may have to pass first. */
export function untilFollowed({ cluster }: Guide): Promise<void> {
  return waitUntil(
    'slipway to follow the requests',
    async () => (await cluster.watches(csrsPath)) > 0,
    40_000,
  )
}

/** Installs a node as far as slipway sees it: every token from its script to its first boot, from its own address. */
async function bootOnce(guide: Guide, rig: Rig, { name, address }: Machine): Promise<void> {
  const node = `${site.cluster}/${name}`
  const base = `http://${site.appliance}`
  const at = (...words: string[]): ReturnType<Rig['run']> => rig.run('rack', words)
  const curl = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await at('curl', '-sS', '-f', '-m', '15', ...words)
    expectEqual(status, 0, `curl ${words.join(' ')} (${stderr.trim()})`)
    return stdout
  }
  await guide.control('node', 'install', node)
  await askAsIpxe(guide, rig, name)
  await at('ip', 'address', 'add', `${address}/24`, 'dev', rackInterface)
  try {
    const script = await curl(`${base}/boot/${node}/boot.ipxe?skip`)
    const [, url = ''] = expectMatch(script, /coreos\.inst\.ignition_url=(\S+)/, 'script')
    const ignition = await curl(url)
    const started = expectMatch(ignition, /http:[^"\\ ]+\/started/, 'Ignition file')[0]
    await curl('--request', 'POST', url.replace(/[^/]+$/, 'written'))
    await curl('--request', 'POST', started)
  } finally {
    await at('ip', 'address', 'del', `${address}/24`, 'dev', rackInterface)
  }
}

/** iPXE on the node requests its address: DHCP alone proves nothing. */
async function askAsIpxe(guide: Guide, rig: Rig, name: string): Promise<void> {
  const since = guide.server.lines.length
  const mac = macOf(name, await guide.text())
  await rig.run('rack', ['ip', 'link', 'set', rackInterface, 'address', mac])
  const udhcpc = [rig.payload.busybox, 'udhcpc', '-f', '-q', '-n', '-t', '4', '-T', '2', '-i', rackInterface]
  // Option 77 as iPXE sends it.
  const { status, stderr } = await rig.run('rack', [...udhcpc, '-s', '/bin/true', '-x', '0x4d:69505845'])
  expectEqual(status, 0, `udhcpc's exit code (${stderr.trim()})`)
  const isLease = ({ node, msg }: { node?: string; msg: string }): boolean =>
    node === `${site.cluster}/${name}` && /acknowledged/.test(msg)
  await guide.server.waitFor(`that ${name} got its address`, isLease, { since })
}

/** @returns the milliseconds between the creation of the request and its approval */
export async function approved(
  guide: Guide,
  limitMs: number,
  name: string,
  request: Request,
): Promise<number> {
  await guide.cluster.put(csrsPath, await csrObject(guide.dir, name, request))
  let times: RequestTimes | undefined
  const isApproved = async (): Promise<boolean> => {
    times = (await guide.cluster.certificateRequests()).find((each) => each.name === name)
    return times?.approvedAt !== undefined
  }
  await waitUntil(`${name} to be approved`, isApproved, limitMs + 3000).catch(async (error: unknown) => {
    const pending = (await guide.csrs()).requests.find((each) => each.name === name)
    throw new Unexpected(`${(error as Error).message}: ${pending?.reason ?? 'it is not listed'}`)
  })
  const { createdAt = 0, approvedAt = 0, delayMs = 0 } = times ?? {}
  const ms = approvedAt - createdAt
  const maxMs = limitMs + delayMs
  expect(ms <= maxMs, `${name} was approved after ${ms} ms, expected at most ${maxMs} ms`)
  return ms
}
