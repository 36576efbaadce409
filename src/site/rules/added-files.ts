/** Files that a site adds to its nodes: each path once in a place, for one of two would silently be left out. */
import { declaredClusters, nodesOf, repetitions } from '../declared.ts'
import type { Flaw } from '../flaw.ts'
import { hostnamePath, keyfilePath } from '../node-paths.ts'
import type { Path } from '../problem.ts'
import type { Cluster, Site } from '../schema.ts'
import type { Rule } from './rule.ts'

type Settings = Pick<Cluster, 'hostname' | 'files' | 'networkKeyfiles'>

const pathOnce: Rule = {
  needs: [],
  check: (site) =>
    places(site).flatMap(({ path, settings }) =>
      repetitions(written(path, settings), ({ onNode }) => onNode).map(({ first, again }): Flaw => ({
        path: again.path,
        expected: `a file of its own on the node: ${again.onNode} is written already`,
        other: first.path,
      })),
    ),
}

function places(site: Site): { readonly path: Path; readonly settings: Settings }[] {
  return declaredClusters(site).flatMap((declared) => [
    { path: declared.path, settings: declared.cluster },
    ...nodesOf(declared).map(({ path, node }) => ({ path, settings: node })),
  ])
}

function written(path: Path, { hostname, files = [], networkKeyfiles = [] }: Settings) {
  return [
    ...(hostname === true ? [{ path: [...path, 'hostname'], onNode: hostnamePath }] : []),
    ...files.map((file, index) => ({ path: [...path, 'files', index, 'path'], onNode: file.path })),
    ...networkKeyfiles.map((file, index) => ({
      path: [...path, 'networkKeyfiles', index],
      onNode: keyfilePath(file),
    })),
  ]
}

export const addedFileRules = [pathOnce]
