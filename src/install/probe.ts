/** Whether a machine configuration server answers: its own health page, over TLS with a certificate of its own making. */
import { request } from 'node:https'
import type { MachineConfigServer } from '../plan/install.ts'

const machineConfigPort = 22_623
const timeoutMs = 1500

/** Never rejects: who cannot be reached does not serve. */
export function probeMachineConfig(
  { address }: Pick<MachineConfigServer, 'address'>,
  port: number = machineConfigPort,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // Nothing is sent and nothing is believed but that somebody serves there, so its certificate is not verified:
  // it is signed by the cluster's own root, which this machine does not have.
  const options = { host: address, port, path: '/healthz', rejectUnauthorized: false, agent: false } as const
  const asking = request(options, (response) => {
    response.destroy()
    resolve(response.statusCode === 200)
  })
  // Of all of it, not only of its silences.
  const timer = setTimeout(() => asking.destroy(), timeoutMs)
  asking.once('close', () => {
    clearTimeout(timer)
    resolve(false)
  })
  asking.on('error', () => resolve(false))
  asking.end()
  return promise
}
