/** Files and directories of a site that are never served below /files, because they contain secrets. Pure. */
import { kubeconfigPath } from '../../site/file-paths.ts'
import type { Site } from '../../site/schema.ts'

/** Returns absolute paths. The directories of images are among them: HTTP serves their files, without secrets, under /images. */
export function protectedPaths(site: Site): string[] {
  const { server, clusters, groups, images, hooks, store, api, haproxy } = site
  const ofClusters = clusters.flatMap((cluster) => [cluster, ...cluster.nodes])
  const ofGroups = groups.flatMap((group) => [group, ...group.nodes])
  const named = [
    ...Object.values(images).map(({ dir }) => dir),
    ...clusters.flatMap((cluster) => [
      cluster.ignition,
      kubeconfigPath(cluster),
      cluster.assisted?.tokenFile,
    ]),
    // Scripts of other installers often contain keys.
    ...ofClusters.map(({ script }) => script),
    ...[site, ...ofClusters, ...ofGroups].map(({ bmc }) => bmc?.credentials),
    ...ofGroups.flatMap(({ answers = [] }) => answers),
    ...[site, ...ofClusters].flatMap(({ http }) => (http?.files ?? []).map(({ template }) => template)),
    ...[...ofClusters, ...ofGroups].flatMap(({ files = [], networkKeyfiles = [] }) => [
      ...files.map(({ from }) => from),
      ...networkKeyfiles,
    ]),
    haproxy?.stats?.users,
    ...Object.values(hooks).map(({ webhook }) => webhook?.secretFile),
    store?.etcd.key,
    api?.key,
    server.tls?.key,
  ]
  return [...new Set(named.filter((path): path is string => path?.startsWith('/') === true))]
}

/** Reports whether a path is one of `paths`, or in one of these directories. All paths are without symbolic links. */
export function isWithin(path: string, paths: readonly string[]): boolean {
  return paths.some((each) => path === each || path.startsWith(each.endsWith('/') ? each : `${each}/`))
}
