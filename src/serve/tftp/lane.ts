/**
 * TFTP in a lane: the same server as in the main thread, with ports that send a window in one system call. The main
 * thread gets the observations, counts, and log lines.
 */
import type { Clock } from '../../host/clock.ts'
import type { AdoptedSocket, EventPorts } from '../../host/lane/event-ports.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import type { EventLaneProgram } from '../../host/lane/thread.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import type { NodeFile } from '../../install/boot/tftp-files.ts'
import { readBootName } from '../../plan/boot/names.ts'
import type { CloseMessage, FoundMessage, TftpLaneMessage } from './listen.ts'
import { createTftpServer } from './service.ts'

/** Observations that wait to be recorded: each transfer has one. */
export const maxUnreadOfTftp = 20_000

export function createTftpProgram(options: {
  /** The request ports of the main thread. */
  readonly sockets: readonly AdoptedSocket[]
  readonly ports: EventPorts
  readonly outbox: Pick<Outbox<TftpLaneMessage | AppliedMessage>, 'counters' | 'log' | 'add'>
  readonly clock: Clock
}): EventLaneProgram {
  const { sockets, ports, outbox, clock } = options
  const { counters, log, add } = outbox
  let plan: TftpPlan | undefined
  let requestPorts: ReturnType<EventPorts['adopt']>[] = []
  /** Files that the main thread is creating, by the number of the request. */
  const wanted = new Map<number, PromiseWithResolvers<NodeFile | undefined>>()
  let lastId = 0

  /** Requests a file of a node from the main thread, which has the installations; every other file is found here. */
  function find(name: string, address: string): Promise<NodeFile | undefined> {
    if (readBootName(name) === undefined) return Promise.resolve(undefined)
    const answer = Promise.withResolvers<NodeFile | undefined>()
    const id = ++lastId
    wanted.set(id, answer)
    add({ kind: 'find', id, name, address })
    return answer.promise
  }

  function found({ id, file, problem }: FoundMessage['found']): void {
    if (problem === undefined) wanted.get(id)?.resolve(file)
    else wanted.get(id)?.reject(new Error(problem))
    wanted.delete(id)
  }
  const server = createTftpServer({
    // Requests are read after the first plan.
    plan: () => plan as TftpPlan,
    sockets: ports,
    observe: (seen) => void add({ kind: 'observed', seen }),
    nodeFiles: { find },
    ...{ log, counters, clock },
  })

  function apply({ version, plan: next }: PlanMessage<TftpPlan>): void {
    if (plan === undefined) {
      requestPorts = sockets.map((socket) => {
        const port = ports.adopt(socket)
        port.receive((batch) => {
          for (const datagram of batch) server.receive(port, datagram)
        })
        return port
      })
    }
    plan = next
    add({ kind: 'applied', version })
  }

  return {
    receive(message) {
      const received = message as PlanMessage<TftpPlan> | FoundMessage | CloseMessage
      if ('found' in received) {
        found(received.found)
        return
      }
      if ('plan' in received) {
        apply(received)
        return
      }
      const closePorts = () => Promise.all(requestPorts.map((port) => port.close()))
      void server.close(received.close.graceMs, closePorts).then(() => add({ kind: 'closed' }))
    },
    isBusy: () => server.active() > 0,
    isOpening: () => server.active() > ports.open() - requestPorts.length,
  }
}
