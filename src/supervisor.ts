/**
 * Starts the components in order. A component whose port is taken waits for it while the others serve.
 */
import { setImmediate } from 'node:timers/promises'
import type { Component, Running, Shared } from './component.ts'
import { CannotListen, isPortTaken } from './host/cannot-listen.ts'
import type { Timer } from './host/clock.ts'
import type { HostCode } from './host/codes.ts'
import type { ActiveProblem } from './text/codes.ts'

export type Supervisor = {
  readonly running: readonly Running[]
  /** @throws {CannotListen} when no service can start, or an essential component cannot */
  start(): Promise<void>
  /** Lets all running components apply the active plan. */
  apply(): Promise<void>
  /** Returns whether each service runs. */
  services(): Readonly<Record<string, boolean>>
  /** Returns the components that wait, and the problems of those that run. */
  problems(): ActiveProblem[]
  /** Returns what the components observe of other machines. */
  outages(): ActiveProblem[]
  close(graceMs: number): Promise<void>
}

/** Between two attempts to start a component that waits. */
const retryMs = 10_000

export function createSupervisor(components: readonly Component[], shared: () => Shared): Supervisor {
  const running: Running[] = []
  const waiting = new Map<Component, CannotListen>()
  let retry: Timer | undefined
  let isClosed = false

  async function startOrWait(component: Component): Promise<void> {
    const { log } = shared()
    const { name } = component
    try {
      running.push(await component.start(shared()))
      if (waiting.delete(component)) log.info({ name }, 'service started')
    } catch (error) {
      // Without the address or the privilege, none of the services can work as the site file declares.
      if (!(error instanceof CannotListen) || !isPortTaken(error) || component.isEssential === true)
        throw error
      const code: HostCode = 'server.service-not-started'
      if (!waiting.has(component)) log.error({ code, name, reason: error.message }, 'service not started')
      waiting.set(component, error)
    }
  }

  async function retryWaiting(): Promise<void> {
    for (const component of [...waiting.keys()]) {
      await startOrWait(component)
      const started = running.find(({ name }) => name === component.name)
      if (isClosed) await started?.close(0)
      else await started?.apply?.()
    }
    scheduleRetry()
  }

  /** Throws when the ports of all services are taken: then another slipway runs here. */
  function requireService(): void {
    const [reason] = waiting.values()
    const serving = running.filter(({ name, listening }) => listening.length > 0 && name !== 'control')
    if (reason !== undefined && serving.length === 0) throw reason
  }

  function scheduleRetry(): void {
    if (!isClosed && waiting.size > 0) retry = shared().clock.after(retryMs, () => void retryWaiting())
  }

  return {
    running,
    async start() {
      for (const component of components) {
        if (component.isEssential === true) requireService()
        if (!component.isWanted(shared())) continue
        await startOrWait(component)
        // The services that listen answer before the next component is loaded.
        await setImmediate()
      }
      requireService()
      scheduleRetry()
    },
    async apply() {
      await Promise.all(running.map(async (component) => await component.apply?.()))
    },
    services() {
      const names = running.filter(({ listening }) => listening.length > 0).map(({ name }) => name)
      return Object.fromEntries([
        ...names.map((name) => [name, true] as const),
        ...[...waiting.keys()].map(({ name }) => [name, false] as const),
      ])
    },
    problems: () => [
      ...[...waiting].map(([{ name }, { message }]) => {
        return { code: 'server.service-not-started', text: `${name} does not run: ${message}` }
      }),
      ...running.flatMap((component) => component.problems?.() ?? []),
    ],
    outages: () => running.flatMap((component) => component.outages?.() ?? []),
    async close(graceMs) {
      isClosed = true
      retry?.cancel()
      await Promise.all(running.map(async (component) => await component.close(graceMs)))
    },
  }
}
