/** A lane that is ready, and ends with an error at its first transfer. */
import { setTimeout as pause } from 'node:timers/promises'
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { controlIndex, type LaneSetup } from '../../../src/host/lane/mailbox.ts'

const { port, setup } = workerData as { readonly port: MessagePort; readonly setup: LaneSetup }
/** It responds once. */
Atomics.add(new Int32Array(setup.control), controlIndex.rounds, 1)
port.postMessage({ counts: undefined, lines: [], messages: [{ kind: 'ready' }] })
for (;;) {
  const { message } = (receiveMessageOnPort(port) ?? {}) as { message?: 'stop' | { kind: string } }
  if (message === 'stop') break
  if (message?.kind === 'send') throw new Error('asked to fail')
  await pause(1)
}
port.close()
