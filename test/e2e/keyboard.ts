/** The keyboard of a virtual machine, through the monitor of QEMU (QMP). */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Keyboard = {
  /** @param key as QEMU names it: `t`, `ret` */
  press(key: string): void
  close(): void
}

/** @param path of the socket of the monitor */
export async function openKeyboard(path: string): Promise<Keyboard> {
  const socket: Socket = connect(path)
  await once(socket, 'connect')
  // QEMU ends the connection when the machine is powered off.
  socket.on('error', () => undefined).resume()
  const execute = (command: object): void => void socket.write(`${JSON.stringify(command)}\n`)
  execute({ execute: 'qmp_capabilities' })
  return {
    press(key) {
      execute({ execute: 'send-key', arguments: { keys: [{ type: 'qcode', data: key }] } })
    },
    close: () => void socket.destroy(),
  }
}
