/**
 * Installations beside a thread that answers clients and reports to this one. What a client did last is recorded before
 * what it does next.
 */
import type { Installs } from './installs.ts'

/** @param drain records what other threads have reported up to now, with the functions of `installs` itself */
export function drainFirst(installs: Installs, drain: () => void): Installs {
  const after =
    <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      drain()
      return run(...args)
    }
  return {
    ...installs,
    observe: after(installs.observe),
    boot: after((...args) => installs.boot(...args)),
    mayRead: after((...args) => installs.mayRead(...args)),
    callback: after((...args) => installs.callback(...args)),
    checkDisk: after((...args) => installs.checkDisk(...args)),
    command: after((...args) => installs.command(...args)),
  }
}
