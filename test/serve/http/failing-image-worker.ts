/** A lane that is ready, and ends with an error at its first transfer. */
import { setTimeout as pause } from 'node:timers/promises'
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'

const { port } = workerData as { readonly port: MessagePort }
port.postMessage({ counts: undefined, lines: [], messages: [{ kind: 'ready' }] })
for (;;) {
  const { message } = (receiveMessageOnPort(port) ?? {}) as { message?: 'stop' | { kind: string } }
  if (message === 'stop') break
  if (message?.kind === 'send') throw new Error('asked to fail')
  await pause(1)
}
port.close()
