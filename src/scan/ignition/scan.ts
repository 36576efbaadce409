/**
 * Scans the Ignition files of a cluster: whether each exists and can be used for an installation. They are served
 * unchanged. A running cluster provides those of masters and workers itself.
 */
import { ignitionFileNames, ignitionKinds, type IgnitionFact, type IgnitionKind } from '../../plan/facts.ts'
import { kubeconfigPath } from '../../site/file-paths.ts'
import type { Cluster } from '../../site/schema.ts'
import { defined } from '../../text/defined.ts'
import { isReadableByAll, missing, scanFile } from '../file.ts'
import { loadIgnition } from './decode.ts'

/** @param isLive whether all its images are of the live style, which reads only Ignition 3 */
export async function scanIgnition(
  cluster: Cluster,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, IgnitionFact>>> {
  const { ignition: folder } = cluster
  const canAsk = await isRunning(cluster)
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => {
      const fact = folder === undefined ? unnamed(cluster, kind) : await ignitionFact(folder, kind, isLive)
      const isAsked = fact.kind === 'missing' && canAsk && isProvided(kind)
      return [kind, isAsked ? { kind: 'asked', path: `${kind}-user-data-managed of ${cluster.name}` } : fact]
    }),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

/** Reports whether a cluster seems to run: it has no bootstrap node to install, and a kubeconfig. */
async function isRunning(cluster: Cluster): Promise<boolean> {
  const isBootstrapped = cluster.nodes.some(
    ({ role, boot }) => role === 'bootstrap' && (boot ?? cluster.boot) !== 'local',
  )
  const path = kubeconfigPath(cluster)
  if (isBootstrapped || path === undefined) return false
  // A declared kubeconfig is checked where the cluster is followed.
  return cluster.kubeconfig !== undefined || (await scanFile(path, 'ignition.unreadable')).kind === 'found'
}

/** Reports whether a running cluster provides this file for new machines. */
function isProvided(kind: IgnitionKind): boolean {
  return kind === 'master' || kind === 'worker'
}

/** Allowed if all its images are of the agent style. */
function unnamed({ name }: Cluster, kind: IgnitionKind): IgnitionFact {
  const file = ignitionFileNames[kind]
  const exceptions = `agent images${isProvided(kind) ? ' and running clusters (kubeconfig)' : ''}`
  const problem = `cluster ${name} has no directory of Ignition files: set ignition, because only ${exceptions} do not need ${file}`
  return missing('ignition.folder-missing', file, problem)
}

/** The subcommand of openshift-install that creates the file, if not `ignition-configs`. */
const commands: Partial<Record<IgnitionKind, string>> = { single: 'single-node-ignition-config' }

async function ignitionFact(folder: string, kind: IgnitionKind, isLive: boolean): Promise<IgnitionFact> {
  const path = `${folder}/${ignitionFileNames[kind]}`
  const loaded = await loadIgnition(path, isLive)
  if ('problem' in loaded) {
    const command = `openshift-install create ${commands[kind] ?? 'ignition-configs'}`
    return missing(loaded.code, path, `${path} ${loaded.problem}; create it with \`${command}\``)
  }
  const { octets, contents } = loaded
  const isPublic = (await isReadableByAll(path)) || undefined
  return { kind: 'found', path, octets: octets.length, contents, ...defined({ isPublic }) }
}
