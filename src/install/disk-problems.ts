/**
 * What the status shows about the disk checks of live systems that wait. Why a disk is not selected is in memory only: each live
 * system repeats its report every 10 s, so that nothing is lost when slipway restarts.
 */
import type { InstallNode } from '../plan/install.ts'
import { keptDisk } from './answers.ts'
import type { StateProblem } from './codes.ts'
import type { State } from './machine-state.ts'

export type DiskProblems = {
  /** Records the problem of a node, or that it has none. Returns whether the problem is a new one. */
  note(node: string, problem: string | undefined): boolean
  list(nodes: Iterable<InstallNode>, stateOf: (node: InstallNode) => State): readonly StateProblem[]
}

export function createDiskProblems(): DiskProblems {
  const problems = new Map<string, string>()
  return {
    note(node, problem) {
      const isNew = problem !== undefined && problems.get(node) !== problem
      if (problem === undefined) problems.delete(node)
      else problems.set(node, problem)
      return isNew
    },
    list: (nodes, stateOf) =>
      [...nodes].flatMap((node): StateProblem[] => {
        const state = stateOf(node)
        const problem = state.mode === 'installing' ? problems.get(node.key) : undefined
        if (problem === undefined) return keptDisk(node, state)
        return [{ code: 'install.disk-not-selected', text: `${node.key}: ${problem}` }]
      }),
  }
}
