/** The HTTP service for tests: a plan for files in a temporary directory, with access to log and counters. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog, type Log } from '../../src/host/log.ts'
import type { IgnitionFiles } from '../../src/plan/ignition/document.ts'
import type { Installs } from '../../src/install/installs.ts'
import type { Observe, Seen } from '../../src/install/observation.ts'
import { compileInstall } from '../../src/plan/install.ts'
import type { IgnitionAccess } from '../../src/site/schema.ts'
import { compileHttp } from '../../src/plan/http/compile.ts'
import type { HttpPlan } from '../../src/plan/http/plan.ts'
import { createRoutes } from '../../src/serve/http/routes.ts'
import { installsWorld } from './installs.ts'
import { createIgnitionFiles } from '../../src/scan/ignition/files.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { exampleModel, exampleSite, found, ignitionFiles, liveImage, missing } from './model.ts'

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

export type HttpWorld = {
  /** Directory with `images/`, `ignition/`, and `loaders/`. */
  readonly dir: string
  /** The plan of the service; assign it to change the plan. */
  plan: HttpPlan
  readonly options: {
    readonly plan: () => HttpPlan
    readonly log: Log
    readonly counters: Counters
    readonly clock: FakeClock
    readonly health: () => Record<string, unknown>
    readonly installs: Installs
    readonly ignitionFiles: IgnitionFiles
    readonly observe: Observe
    readonly metrics: () => string
  }
  /** The recorded observations. */
  readonly seen: readonly Seen[]
  readonly lines: readonly LogLine[]
  /** Resolves with the first log line with this message. */
  readonly line: (message: string) => Promise<LogLine>
}

/** The routes without a socket, asked from the address of `ocp45/m1`. */
export async function routesWorld(
  t: Test,
  access?: IgnitionAccess,
  change?: Parameters<typeof httpWorld>[2],
) {
  const world = httpWorld(t, access, change)
  const { app } = await createRoutes(world.options)
  t.teardown(() => app.close())
  const ask = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
    app.inject({ method: method as 'GET', url, headers, remoteAddress: '192.0.2.11' })
  return Object.assign(world, { app, ask })
}

/** Ten bytes, so that the content of a range shows its position. */
export const rootfs = '0123456789'

/** Text that decoding and encoding would change. */
export const masterIgnition = Buffer.from('\r\n{ "ignition":\t{"version":"3.2.0"}, "é\\u00e9": 1e2 }  \n')

/**
 * @param access to the Ignition files; open by default, so that tests of other subjects need not install a node
 * @param change of the site before it is compiled
 */
export function httpWorld(
  t: Test,
  access: IgnitionAccess = 'open',
  change: (site: ReturnType<typeof exampleSite>) => void = () => {},
): HttpWorld {
  const dir = t.testdir({
    images: { sub: {} },
    loaders: { 'ipxe.efi': 'MZ iPXE' },
    ignition: { 'bootstrap.ign': '{}', 'worker.ign': '{}' },
  })
  writeFileSync(join(dir, 'images/rhcos-live-rootfs.x86_64.img'), rootfs)
  writeFileSync(join(dir, 'images/rhcos-live-kernel-x86_64'), 'kernel')
  writeFileSync(join(dir, 'ignition/master.ign'), masterIgnition)

  const site = exampleSite()
  site.images = { rhcos: { dir: join(dir, 'images') } }
  Object.assign(site.clusters[0]!, { ignitionAccess: access, requireDhcp: false })
  change(site)
  const model = exampleModel(site, {
    images: new Map([['rhcos', liveImage(join(dir, 'images'))]]),
    ignition: new Map([['ocp45', ignitionFiles(join(dir, 'ignition'))]]),
    loaders: new Map([
      ['efi/ipxe.efi', found(join(dir, 'loaders/ipxe.efi'))],
      ['efi/snponly.efi', missing('/usr/lib/ipxe/snponly.efi', 'no efi/snponly.efi: install it')],
    ]),
  })
  const { plan } = compileHttp(model)
  const installPlan = compileInstall(model)
  const { installs } = installsWorld({ plan: () => installPlan })
  const seen: Seen[] = []

  const lines: LogLine[] = []
  const waiting: { message: string; resolve: (line: LogLine) => void }[] = []
  const write = (text: string) => {
    const line = JSON.parse(text) as LogLine
    lines.push(line)
    for (const { message, resolve } of waiting) if (message === line.msg) resolve(line)
  }
  const log = createLog('debug', { write })
  const clock = fakeClock()
  const world: HttpWorld = {
    dir,
    plan: { ...plan, address: '127.0.0.1', port: 0 },
    options: {
      plan: () => world.plan,
      log,
      counters: new Counters(),
      clock,
      health: () => ({ site: 'lab', nodes: 4 }),
      installs,
      ignitionFiles: createIgnitionFiles({ clock, log }),
      observe: (each) => {
        seen.push(each)
        installs.observe(each)
      },
      metrics: () => 'slipway_uptime_seconds 1\n',
    },
    seen,
    lines,
    line(message) {
      const line = lines.find(({ msg }) => msg === message)
      return line === undefined
        ? new Promise((resolve) => waiting.push({ message, resolve }))
        : Promise.resolve(line)
    },
  }
  return world
}
