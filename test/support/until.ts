import { setTimeout as pause } from 'node:timers/promises'

/**
 * Lets the file system and the network work until the condition holds.
 * @param timeoutMs only a fault takes this long, even on a machine that does much else
 * @throws when it does not hold by then
 */
export async function until(holds: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${holds.toString()}`)
    await pause(1)
  }
}
